/** The newest entry of a changelog of Debian, from which a package has its version and its date (deb-changelog(5)). */

export interface Release {
  readonly version: string;
  /** Seconds since the epoch, as SOURCE_DATE_EPOCH has it. */
  readonly date: number;
}

/** @throws Error where the newest entry is none of ours */
export function newestRelease(changelog: string): Release {
  const [, version] =
    /^toolforge-jobs \((\d[A-Za-z0-9.+~]*)\) \S+; urgency=\S+$/m.exec(changelog.split('\n', 1)[0] ?? '') ?? [];
  const [, date = ''] = /^ -- .+ <.+> {2}(.+)$/m.exec(changelog) ?? [];
  const milliseconds = Date.parse(date);
  if (version === undefined || Number.isNaN(milliseconds))
    throw new Error('The newest entry of the changelog has no version or no date.');
  return { version, date: milliseconds / 1000 };
}

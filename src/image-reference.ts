/** The parts of an image's address or name, as the container runtimes read them. Pure, total. */

/** `[host/]path[:tag][@digest]`; the first segment is a host when it holds a dot or a port. */
export interface Reference {
  readonly host: string | undefined;
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

export function splitReference(text: string): Reference {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  const slash = named.indexOf('/');
  const first = named.slice(0, Math.max(0, slash));
  const host = /[.:]/.test(first) ? first : undefined;
  const rest = host === undefined ? named : named.slice(slash + 1);
  const colon = rest.lastIndexOf(':');
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  return { host, path: colon < 0 ? rest : rest.slice(0, colon), tag, digest };
}

/**
 * Images of the build service live in a project named after a tool's namespace.
 * @param path e.g. `tool-demo/web/worker`
 * @returns undefined where the path is in no such project
 */
export function projectOf(path: string): { readonly project: string; readonly repository: string } | undefined {
  const [, project, repository] = /^(tool-[^/]+)\/(.+)$/s.exec(path) ?? [];
  return project === undefined || repository === undefined ? undefined : { project, repository };
}

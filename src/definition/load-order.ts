/** In which order jobs are sent: as they stand, but each behind those it comes after. Pure. */

/** @param after names that a job comes after; those of no job count for nothing, and a circle is left as it stands */
export function inLoadOrder<Job>(
  jobs: readonly Job[],
  nameOf: (job: Job) => string,
  after: (job: Job) => readonly string[],
): Job[] {
  const byName = new Map(jobs.map((job) => [nameOf(job), job]));
  const seen = new Set<Job>();
  const ordered: Job[] = [];
  const put = (job: Job) => {
    if (seen.has(job)) return;
    seen.add(job);
    for (const name of after(job)) {
      const first = byName.get(name);
      if (first) put(first);
    }
    ordered.push(job);
  };
  for (const job of jobs) put(job);
  return ordered;
}

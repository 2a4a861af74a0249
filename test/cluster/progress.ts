/** Lines for a person who waits. */
export type Progress = (line: string) => void;

export const silent: Progress = () => {};

/** `95_000` -> `1 min 35 s`, `3_240` -> `3.2 s`. */
export function formatElapsed(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/**
 * Runs one step and says what it is, how long it has taken and how long it takes about.
 * A step with an estimate above ten seconds is announced at its start and reports every half minute.
 */
export async function step<T>(
  progress: Progress,
  what: string,
  estimateMs: number,
  work: () => Promise<T> | T,
): Promise<T> {
  const startedAt = Date.now();
  const isLong = estimateMs > 10_000;
  const about = `about ${formatElapsed(estimateMs)} in all`;
  if (isLong) progress(`${what} (${about}) ...`);
  const timer = setInterval(
    () => progress(`${what}: ${formatElapsed(Date.now() - startedAt)} so far, ${about}`),
    30_000,
  );
  try {
    const result = await work();
    progress(`${what}: done in ${formatElapsed(Date.now() - startedAt)}`);
    return result;
  } catch (error) {
    progress(`${what}: failed after ${formatElapsed(Date.now() - startedAt)}`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

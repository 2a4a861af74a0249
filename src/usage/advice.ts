/**
 * How much memory and CPU a job should have, by what its runs were seen to use. Pure. The rules, which docs/guide.md tells users:
 *
 *  larger   a run was killed for memory, or the highest peak is within a tenth of the limit: half as much again
 *  smaller  by enough runs, none of which was killed: the highest peak and a quarter more is less than three quarters of the limit
 *  keep     anything else
 *
 * Memory is rounded up to 64 MiB, from 1 GiB on to 256 MiB; CPU to a tenth of a core.
 */

/** What is known of one run, or of the copies of a continuous job. */
export interface Measured {
  /** Bytes. */
  readonly memory: number | undefined;
  /** Thousandths of a core. */
  readonly cpu: number | undefined;
  /** Bytes that it might use, where that is known. */
  readonly memoryLimit: number | undefined;
  readonly wasKilled: boolean;
}

export interface Advice {
  /** Runs that were measured, the newest 30 at most. */
  readonly runs: number;
  /** Of these, in bytes or thousandths of a core; undefined where none was measured. */
  readonly lowest: number | undefined;
  readonly highest: number | undefined;
  /** Of these, killed for memory under the limit there is now. */
  readonly killed: number;
  /** Bytes or thousandths of a core that may be used now. */
  readonly limit: number;
  /** `unknown`: too few were measured to say. */
  readonly verdict: 'larger' | 'smaller' | 'keep' | 'unknown';
  /** What it should be; undefined where it should stay, or nobody knows. */
  readonly to: number | undefined;
}

/** How much has to be known before something is said. */
export interface Enough {
  readonly toSay: boolean;
  readonly toShrink: boolean;
}

export const advisedRuns = 30;
const leastRuns = { toSay: 3, toShrink: 10 } as const;
/** A continuous job is measured as long as it runs. */
const leastMs = { toSay: 3_600_000, toShrink: 86_400_000 } as const;

export function enoughRuns(runs: number): Enough {
  return { toSay: runs >= leastRuns.toSay, toShrink: runs >= leastRuns.toShrink };
}

export function enoughTime(ms: number): Enough {
  return { toSay: ms >= leastMs.toSay, toShrink: ms >= leastMs.toShrink };
}

const mebibyte = 2 ** 20;

/** @param measured newest first */
export function adviseMemory(measured: readonly Measured[], limit: number, enough?: Enough): Advice {
  const runs = measured.filter(({ memory }) => memory !== undefined).slice(0, advisedRuns);
  // Whoever was killed under a lower limit has got more since.
  const killed = runs.filter(({ wasKilled, memoryLimit }) => wasKilled && (memoryLimit ?? limit) >= limit).length;
  const peaks = runs.map(({ memory }) => memory as number);
  const step = (amount: number) => upTo(amount, amount > 1_024 * mebibyte ? 256 * mebibyte : 64 * mebibyte);
  return advise({ peaks, limit, asked: limit, killed, step, enough: enough ?? enoughRuns(runs.length) });
}

/**
 * @param limit what may be used
 * @param asked what the job asks for: less than the limit where it asks for the default
 */
export function adviseCpu(measured: readonly Measured[], limit: number, asked: number, enough?: Enough): Advice {
  const peaks = measured.flatMap(({ cpu }) => cpu ?? []).slice(0, advisedRuns);
  const step = (amount: number) => upTo(amount, 100);
  return advise({ peaks, limit, asked, killed: 0, step, enough: enough ?? enoughRuns(peaks.length) });
}

interface Known {
  readonly peaks: readonly number[];
  readonly limit: number;
  readonly asked: number;
  readonly killed: number;
  step(amount: number): number;
  readonly enough: Enough;
}

function advise({ peaks, limit, asked, killed, step, enough }: Known): Advice {
  const isMeasured = peaks.length > 0;
  const highest = isMeasured ? Math.max(...peaks) : undefined;
  const common = { runs: peaks.length, lowest: isMeasured ? Math.min(...peaks) : undefined, highest, killed, limit };
  const isTight = enough.toSay && highest !== undefined && highest >= limit * 0.9;
  if (killed > 0 || isTight) return { ...common, verdict: 'larger', to: step(limit * 1.5) };
  if (highest === undefined || !enough.toSay) return { ...common, verdict: 'unknown', to: undefined };
  const needed = step(Math.max(1, highest * 1.25));
  if (enough.toShrink && needed < asked * 0.75) return { ...common, verdict: 'smaller', to: needed };
  return { ...common, verdict: 'keep', to: undefined };
}

function upTo(amount: number, step: number): number {
  return Math.ceil(amount / step) * step;
}

/** As a definition has it. @example memoryText(805_306_368) -> '768Mi' */
export function memoryText(bytes: number): string {
  return `${Math.ceil(bytes / mebibyte)}Mi`;
}

/** @example cpuText(1_500) -> '1500m' */
export function cpuText(millicores: number): string {
  return `${Math.ceil(millicores)}m`;
}

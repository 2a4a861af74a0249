/** Small measures shared by the benches: medians, CPU time of a process, timed calls that count only checked answers. */
import { readFile } from 'node:fs/promises';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** User and system time of a process so far, in ms (proc(5), fields 14 and 15; 100 ticks a second). */
export async function cpuMsOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Milliseconds of each call, one after another. */
export async function timed(times: number, call: (round: number) => Promise<void>): Promise<number[]> {
  const taken: number[] = [];
  for (let round = 0; round < times; round++) {
    const from = performance.now();
    await call(round);
    taken.push(performance.now() - from);
  }
  return taken;
}

export interface Row {
  readonly what: string;
  readonly ours: string;
  readonly anchor: string;
  readonly ratio: number;
  readonly goal: string;
  readonly met: boolean;
}

export function printTable(rows: readonly Row[]): void {
  console.log('\n| measure | ours | against | ratio | goal | |\n|---|---|---|---|---|---|');
  for (const { what, ours, anchor, ratio, goal, met } of rows) {
    console.log(`| ${what} | ${ours} | ${anchor} | ${ratio.toFixed(2)} | ${goal} | ${met ? 'met' : 'missed'} |`);
  }
}

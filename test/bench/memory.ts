/**
 * Heap per job: 20,000 scheduled jobs with a real definition each go through the watch room into the roster, in a process of their own,
 * and the heap after a collection is divided by them. Kubernetes' part is played by objects made by our own manifests, as it stores them.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Row } from './measure.ts';

const run = promisify(execFile);
const goalKb = 12;

export async function measureMemoryPerJob(): Promise<Row> {
  const script = new URL('memory-probe.ts', import.meta.url).pathname;
  const { stdout } = await run(process.execPath, ['--expose-gc', '--import', 'tsx', script]);
  const kb = Number(stdout) / 1024;
  return {
    what: 'heap per job, 20,000 real definitions',
    ours: `${kb.toFixed(2)} KB`,
    anchor: `${goalKb} KB`,
    ratio: kb / goalKb,
    goal: '≤ 1.00',
    met: kb <= goalKb,
  };
}

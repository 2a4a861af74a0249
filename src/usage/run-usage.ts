/** What is kept of what a run used, from its samples and its end. Pure. */
import type { RunEnd, RunUsage } from '../domain.ts';
import { bytesOf } from './amounts.ts';
import type { Peak } from './peaks.ts';

/**
 * A run that was killed for memory has used all it might use, whatever the last sample saw.
 * @returns nothing where nothing was measured
 */
export function usageOfRun({ reason, ran }: Pick<RunEnd, 'reason' | 'ran'>, peak: Peak | undefined): RunUsage {
  const limit = ran && bytesOf(ran.memory);
  const peakMemory = reason === 'out_of_memory' && limit !== undefined ? limit : peak?.memory;
  const peakCpu = peak?.cpu === undefined ? undefined : Math.ceil(peak.cpu);
  if (peakMemory === undefined && peakCpu === undefined) return {};
  return {
    ...(peakMemory === undefined ? {} : { peakMemory }),
    ...(peakCpu === undefined ? {} : { peakCpu }),
    ...(limit === undefined ? {} : { memoryLimit: limit }),
  };
}

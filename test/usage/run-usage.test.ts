import { describe, expect, it } from 'vitest';
import type { RunEnd } from '../../src/domain.ts';
import { usageOfRun } from '../../src/usage/run-usage.ts';

const ran = { memory: '512Mi' } as NonNullable<RunEnd['ran']>;
const peak = { memory: 100, cpu: 12.1, since: 0 };

describe('what is kept of what a run used', () => {
  it('is its peak, with the limit it had', () => {
    const usage = { peakMemory: 100, peakCpu: 13, memoryLimit: 536_870_912 };
    expect(usageOfRun({ reason: undefined, ran }, peak)).toEqual(usage);
  });

  it('is the limit where it was killed for memory, whatever was measured', () => {
    expect(usageOfRun({ reason: 'out_of_memory', ran }, peak).peakMemory).toBe(536_870_912);
    expect(usageOfRun({ reason: 'out_of_memory', ran }, undefined).peakMemory).toBe(536_870_912);
  });

  it('is nothing where nothing was measured', () => {
    expect(usageOfRun({ reason: 'exit_code', ran }, undefined)).toEqual({});
    expect(usageOfRun({ reason: 'out_of_memory', ran: undefined }, undefined)).toEqual({});
  });
});

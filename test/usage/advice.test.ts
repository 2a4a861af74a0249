import { describe, expect, it } from 'vitest';
import { adviseCpu, adviseMemory, cpuText, enoughTime, type Measured, memoryText } from '../../src/usage/advice.ts';

const mebibyte = 2 ** 20;
const limit = 512 * mebibyte;
const run = (memory: number | undefined, changes: Partial<Measured> = {}): Measured => ({
  memory: memory === undefined ? undefined : memory * mebibyte,
  cpu: undefined,
  memoryLimit: limit,
  wasKilled: false,
  ...changes,
});
const killed = (memoryLimit = limit): Measured => ({
  memory: memoryLimit,
  cpu: undefined,
  memoryLimit,
  wasKilled: true,
});
const runs = (count: number, memory: number) => Array.from({ length: count }, () => run(memory));
const memory = (measured: readonly Measured[]) => {
  const { verdict, to } = adviseMemory(measured, limit);
  return [verdict, to === undefined ? undefined : memoryText(to)];
};

describe('memory', () => {
  it.each<[string, readonly Measured[], string, string | undefined]>([
    ['that one run was killed for is half as much again', [run(300), killed()], 'larger', '768Mi'],
    [
      'of which the highest peak is within a tenth is half as much again',
      [...runs(2, 100), run(470)],
      'larger',
      '768Mi',
    ],
    ['of which a quarter more than the highest peak is far less is made smaller', runs(10, 100), 'smaller', '128Mi'],
    ['is made smaller by the highest peak, not the usual one', [...runs(9, 10), run(250)], 'smaller', '320Mi'],
    ['that is a little too much stays as it is', runs(10, 310), 'keep', undefined],
    ['is not made smaller by few runs', runs(9, 100), 'keep', undefined],
    ['is not spoken of by fewer', runs(2, 500), 'unknown', undefined],
    ['that nobody measured is not known', [run(undefined)], 'unknown', undefined],
    [
      'is not made larger again for a kill under a lower limit',
      [...runs(9, 300), killed(limit / 2)],
      'keep',
      undefined,
    ],
    ['is judged by the last thirty runs', [...runs(30, 300), killed()], 'keep', undefined],
    ['is never none', runs(10, 0), 'smaller', '64Mi'],
  ])('%s', (_, measured, verdict, to) => {
    expect(memory(measured)).toEqual([verdict, to]);
  });

  it('is rounded up to 64 MiB, and from 1 GiB on to 256 MiB', () => {
    const to = (mebibytes: number) =>
      memoryText(adviseMemory([killed(mebibytes * mebibyte)], mebibytes * mebibyte).to ?? 0);
    expect([100, 600, 700, 1_500].map(to)).toEqual(['192Mi', '960Mi', '1280Mi', '2304Mi']);
  });

  it('says by how many runs, and what they used', () => {
    expect(adviseMemory([run(430), killed(), run(undefined)], limit)).toMatchObject({
      runs: 2,
      lowest: 430 * mebibyte,
      highest: limit,
      killed: 1,
      limit,
    });
  });
});

describe('CPU', () => {
  const cpu = (peaks: readonly number[], most: number, asked = most) => {
    const { verdict, to } = adviseCpu(
      peaks.map((one) => run(undefined, { cpu: one })),
      most,
      asked,
    );
    return [verdict, to === undefined ? undefined : cpuText(to)];
  };

  it('that is used up is half as much again, to a tenth of a core', () => {
    expect(cpu([100, 950, 100], 1_000, 100)).toEqual(['larger', '1500m']);
    expect(cpu([100, 450, 100], 500)).toEqual(['larger', '800m']);
  });

  it('that nobody uses is made smaller where it was asked for, not where it is the default', () => {
    const peaks = Array.from({ length: 10 }, () => 130);
    expect(cpu(peaks, 1_000)).toEqual(['smaller', '200m']);
    expect(cpu(peaks, 1_000, 100)).toEqual(['keep', undefined]);
  });
});

it('a continuous job is made smaller when it was measured for a day, and spoken of after an hour', () => {
  const by = (ms: number) => adviseMemory([run(100)], limit, enoughTime(ms)).verdict;
  expect([by(3_599_999), by(3_600_000), by(86_400_000)]).toEqual(['unknown', 'keep', 'smaller']);
});

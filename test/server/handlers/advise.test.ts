import { beforeEach, describe, expect, it } from 'vitest';
import { renderJobAdvice, renderToolAdvice } from '../../../src/server/dialects/advice.ts';
import { adviseJob, adviseOnMemory, adviseTool } from '../../../src/server/handlers/advise.ts';
import { lastPeaks } from '../../../src/server/handlers/peaks.ts';
import { jobAdviceAnswer, toolAdviceAnswer } from '../../../src/server/schemas.ts';
import { ended, makePodFacts, makeRun, makeRunRecord, makeSnapshot, running } from '../../support/facts.ts';
import { alpha, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

const mebibyte = 2 ** 20;
const hours = 3_600_000;
let deps: ScriptedDeps;

const quota = (hard: Record<string, string>, used: Record<string, string> = {}) => ({ status: { hard, used } });
beforeEach(() => {
  deps = scriptDeps();
  deps.quotas = [quota({ 'limits.memory': '8Gi', 'limits.cpu': '4', pods: '10' }, { 'limits.memory': '7936Mi' })];
  deps.ranges = [{ spec: { limits: [{ type: 'Container', max: { memory: '6Gi', cpu: '3' } }] } }];
});

/** Newest first, in MiB of 512. */
function records(...peaks: readonly (number | 'killed')[]): void {
  const made = peaks.map((peak, index) =>
    makeRunRecord({
      id: `run-${index}`,
      type: 'scheduled',
      memoryLimit: 512 * mebibyte,
      peakMemory: peak === 'killed' ? 512 * mebibyte : peak * mebibyte,
      peakCpu: 100 + index,
      ...(peak === 'killed' ? { outcome: 'failed', reason: 'out_of_memory' } : {}),
    }),
  );
  deps.records.set('alpha/demo', made);
}
const job = (changes: Parameters<typeof makeSnapshot>[0] = {}) =>
  deps.view.set('tool-alpha', [makeSnapshot({ kind: 'CronJob', ...changes })]);
const advice = async () => {
  const answer = renderJobAdvice('alpha', await adviseJob(alpha, 'demo', deps));
  expect(jobAdviceAnswer.shape.advice.parse(answer)).toEqual(answer);
  return answer;
};

describe('advice about a job', () => {
  it('is more memory where runs were killed, with the text for a quota that has no room for it', async () => {
    job();
    records(430, 'killed', 500);
    expect(await advice()).toMatchObject({
      memory: {
        verdict: 'larger',
        to: '768Mi',
        message: 'used 430-512 of 512 MiB in the last 3 runs, one was killed for lack of it; 768Mi would be better',
      },
      cpu: { verdict: 'keep', message: 'used 0.1-0.11 of 1 CPU in the last 3 runs; leave it as it is' },
      fits: false,
      obstacles: ['All jobs that run at once may have 8Gi of memory; 8704Mi would be needed.'],
      request: [
        'Please raise the quota of the tool alpha for its job demo.',
        '',
        'Memory: used 430-512 of 512 MiB in the last 3 runs, one was killed for lack of it; 768Mi would be better.',
        '',
        'Asked for:',
        '- limits.memory (ResourceQuota): 8704Mi instead of 8Gi',
      ].join('\n'),
    });
  });

  it('fits where what its own run takes now makes the room', async () => {
    records('killed');
    job({ runs: [makeRun()], pods: [makePodFacts({ state: running() })] });
    expect(await advice()).toMatchObject({ fits: true, obstacles: [], request: null });
  });

  it('names the limit of one job as well', async () => {
    deps.quotas = [];
    deps.ranges = [{ spec: { limits: [{ type: 'Container', max: { memory: '600Mi' } }] } }];
    records('killed');
    job();
    expect((await advice()).obstacles).toEqual(['One job may have 600Mi of memory; 768Mi would be needed.']);
  });

  it('is less where none of enough runs needs it, and asks nobody about quotas then', async () => {
    records(...Array.from({ length: 10 }, () => 100));
    job();
    const { memory, fits } = await advice();
    expect([memory?.to, memory?.message, fits]).toEqual([
      '128Mi',
      'used 100 of 512 MiB in the last 10 runs; 128Mi would be enough',
      null,
    ]);
    expect(deps.asked).toEqual([]);
  });

  it('is nothing by few runs, and says so where nothing was measured', async () => {
    job();
    records(100);
    expect((await advice()).memory?.message).toBe('used 100 of 512 MiB in one run; too few runs to say more');
    deps.records.set('alpha/demo', [makeRunRecord()]);
    expect((await advice()).memory).toMatchObject({ verdict: 'unknown', message: 'not measured' });
  });

  it('is there for a job that is gone, by the limit that its runs had', async () => {
    records('killed');
    expect(await advice()).toMatchObject({ memory: { to: '768Mi' }, cpu: null });
    await expect(adviseJob(alpha, 'never', deps)).rejects.toMatchObject({ code: 'job.not_found' });
  });

  it('goes by what the copies of a continuous job use now', async () => {
    job({ kind: 'Deployment', pods: [makePodFacts({ ownerUid: 'set-1' })] });
    deps.measured.set('set-1', { memory: 100 * mebibyte, cpu: 20, since: deps.clock - 24 * hours });
    expect((await advice()).memory).toMatchObject({
      to: '128Mi',
      message: 'used 100 of 512 MiB; 128Mi would be enough',
    });
    deps.measured.set('set-1', { memory: 100 * mebibyte, cpu: 20, since: deps.clock - 60_000 });
    expect((await advice()).memory?.message).toBe('used 100 of 512 MiB; too short a time to say more');
  });

  it('is more for a continuous job of which a copy was killed', async () => {
    const last = ended(137, { reason: 'OOMKilled' });
    job({ kind: 'Deployment', job: { replicas: 2 }, pods: [makePodFacts({ ownerUid: 'set-1', last, restarts: 1 })] });
    expect(await advice()).toMatchObject({
      memory: { to: '768Mi', message: 'used 512 of 512 MiB, it was killed for lack of it; 768Mi would be better' },
      obstacles: ['All jobs that run at once may have 8Gi of memory; 8960Mi would be needed.'],
    });
  });
});

describe('advice for the mail about a lack of memory', () => {
  const onMemory = () => adviseOnMemory(alpha.tool, 'demo', deps);

  it('has what the last runs used, what would be better, and whether there is room', async () => {
    job();
    records('killed', 430, 500);
    const peaks = { runs: 3, lowest: 430 * mebibyte, highest: 512 * mebibyte };
    expect(await onMemory()).toEqual({ limit: 512 * mebibyte, peaks, to: '768Mi', fits: false });
    deps.quotas = [];
    records('killed');
    expect(await onMemory()).toEqual({ limit: 512 * mebibyte, peaks: undefined, to: '768Mi', fits: true });
  });

  it('is there where nobody knows of room', async () => {
    job();
    records('killed');
    deps.forward.resourceQuotas = () => Promise.reject(new Error('away'));
    expect(await onMemory()).toMatchObject({ to: '768Mi', fits: undefined });
  });

  it('is none where nothing is known, and where the job has got more meanwhile', async () => {
    expect(await onMemory()).toBeUndefined();
    job({ job: { memory: '2Gi' } });
    records('killed', ...Array.from({ length: 10 }, () => 100));
    expect(await onMemory()).toBeUndefined();
  });
});

describe('advice about the quota', () => {
  it('names what is full, and asks for half as much again', async () => {
    deps.quotas = [
      quota({ 'limits.memory': '8Gi', 'limits.cpu': '4', pods: '10' }, { 'limits.memory': '7936Mi', pods: '9' }),
    ];
    const answer = renderToolAdvice(await adviseTool(alpha, deps));
    expect(toolAdviceAnswer.shape.advice.parse(answer)).toEqual(answer);
    expect(answer.items.map(({ name, full }) => [name, full])).toEqual([
      ['Total running jobs at once (Kubernetes pods)', true],
      ['CPU', false],
      ['Memory', true],
    ]);
    expect(answer.request?.split('\n').slice(-2)).toEqual([
      '- pods (ResourceQuota): 15 instead of 10, of which 9 are used',
      '- limits.memory (ResourceQuota): 12Gi instead of 8Gi, of which 7936Mi are used',
    ]);
  });

  it('asks for nothing where there is room', async () => {
    deps.quotas = [quota({ pods: '10' })];
    expect(renderToolAdvice(await adviseTool(alpha, deps)).request).toBeNull();
  });
});

describe('the peaks of a job', () => {
  const peaks = () => lastPeaks(alpha, deps.view.get('tool-alpha')?.[0] as never, deps);

  it('are those of its last ten runs that were measured, the one under way included', async () => {
    job({ runs: [makeRun({ uid: 'under-way' })] });
    records(...Array.from({ length: 12 }, (_, index) => (index === 11 ? 9 : 100 + index)));
    deps.measured.set('under-way', { memory: 300 * mebibyte, cpu: 7.2, since: 0 });
    deps.measured.set('run-0', { memory: 999 * mebibyte, cpu: 999, since: 0 });
    expect(await peaks()).toEqual({
      runs: 10,
      memory: { lowest: 100 * mebibyte, highest: 300 * mebibyte },
      cpu: { lowest: 8, highest: 108 },
    });
  });

  it('are none where nothing was measured', async () => {
    job();
    deps.records.set('alpha/demo', [makeRunRecord()]);
    expect(await peaks()).toBeUndefined();
  });
});

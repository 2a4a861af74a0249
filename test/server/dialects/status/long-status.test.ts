import { describe, expect, it } from 'vitest';
import type { PodFacts } from '../../../../src/domain.ts';
import { longStatus } from '../../../../src/server/dialects/status/long-status.ts';
import { ended, makePodFacts, makeSnapshot, waiting } from '../../../support/facts.ts';

const rows: [what: string, pod: PodFacts, text: string][] = [
  [
    'a pod without a node',
    makePodFacts({ noContainer: true, startedAt: undefined }),
    "Run not attempted yet. Pod in 'Pending' phase.",
  ],
  [
    'a container that waits',
    makePodFacts({ state: waiting('ContainerCreating') }),
    "Last run at 2026-03-01T12:00:01Z. Pod in 'Pending' phase. State 'waiting'. Reason 'ContainerCreating'.",
  ],
  [
    'a container that waits for a reason nobody tells',
    makePodFacts({ state: waiting() }),
    "Last run at 2026-03-01T12:00:01Z. Pod in 'Pending' phase. State 'waiting'. Reason 'unknown'.",
  ],
  [
    'a container that runs',
    makePodFacts(),
    "Last run at 2026-03-01T12:00:01Z. Pod in 'Running' phase. State 'running'. Started at '2026-03-01T12:00:02Z'.",
  ],
  [
    'a container that was started again',
    makePodFacts({ state: waiting('CrashLoopBackOff', 'back-off 40s'), restarts: 3 }),
    "Last run at 2026-03-01T12:00:01Z. Pod in 'Running' phase. Pod has been restarted 3 times. State 'waiting'. Reason 'CrashLoopBackOff'. Additional message:'back-off 40s'.",
  ],
  [
    'a container that ended',
    makePodFacts({ state: ended(3, { message: 'bye' }) }),
    "Last run at 2026-03-01T12:00:01Z. Pod in 'Failed' phase. State 'terminated'. Reason 'Error'. Started at '2026-03-01T12:00:02Z'. Finished at '2026-03-01T12:00:09Z'. Exit code '3'. Additional message:'bye'.",
  ],
  [
    'a container that ended well',
    makePodFacts({ state: ended(0) }),
    "Last run at 2026-03-01T12:00:01Z. Pod in 'Succeeded' phase. State 'terminated'. Reason 'Completed'. Started at '2026-03-01T12:00:02Z'. Finished at '2026-03-01T12:00:09Z'. Exit code '0'.",
  ],
  [
    'a container without times',
    makePodFacts({
      startedAt: undefined,
      container: {
        restarts: 0,
        imageDigest: undefined,
        state: { kind: 'running', startedAt: undefined },
        last: undefined,
      },
    }),
    "Run not attempted yet. Pod in 'Running' phase. State 'running'.",
  ],
  [
    'a container in no state',
    makePodFacts({ container: { restarts: 1, imageDigest: undefined, state: undefined, last: undefined } }),
    "Last run at 2026-03-01T12:00:01Z. Pod in 'Running' phase. Pod has been restarted 1 times.",
  ],
  [
    'a pod that was evicted',
    makePodFacts({ noContainer: true, phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' }),
    "Last run at 2026-03-01T12:00:01Z. Pod in 'Failed' phase. Reason 'Evicted'. Additional message:'The node was low on memory.'.",
  ],
];

describe('the long status', () => {
  it.each(rows)('tells of %s', (_, pod, text) => {
    expect(longStatus(makeSnapshot({ pods: [pod] }))).toBe(text);
  });

  it('is about the newest attempt, which comes first', () => {
    const pods = [makePodFacts({ phase: 'Running' }), makePodFacts({ state: ended(1) })];
    expect(longStatus(makeSnapshot({ pods }))).toContain("Pod in 'Running' phase.");
  });

  it('says that there is no pod, and why where that is known', () => {
    expect(longStatus(makeSnapshot())).toBe('No pods were created for this job.');
    expect(longStatus(makeSnapshot(), 'exceeded quota: x, limited: limits.cpu=2')).toBe(
      'No pods were created for this job. Unable to start, out of quota for cpu.',
    );
  });

  it('says of a foreign object why it is none of ours, whatever its pods do', () => {
    const foreign = makeSnapshot({ foreign: 'It has no schedule.', pods: [makePodFacts()] });
    expect(longStatus(foreign)).toBe(
      'This job was not made by this service. It has no schedule. It can only be deleted.',
    );
  });
});

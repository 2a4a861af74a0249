/** What a planned change does to what runs. Pure. */
import { type ComparedField, isSameJob } from '../../definition/same-job.ts';
import { exhaustive } from '../../errors.ts';
import type { PlannedJob } from './planned-job.ts';

export const effects = [
  /** Nothing that runs is touched. */
  'none',
  /** Copies start. */
  'starts',
  'runs_once',
  /** It waits for its first run. */
  'scheduled',
  /** No run of it starts until it is resumed. */
  'suspends',
  /** Its schedule, which was suspended, goes on. */
  'resumes',
  /** It holds from the next run on; what runs goes on as it began. */
  'next_run',
  /** Copies come or go, the others run on. */
  'scales',
  /** Copies are replaced while others run. */
  'rolls',
  /** What runs ends before the new copy begins. */
  'short_stop',
  /** Nothing of it runs afterwards. */
  'stops',
  /** It is made in its new type, then what it was is ended. */
  'moves',
  /** It is removed, and what runs of it is ended. */
  'ends',
] as const;
export type Effect = (typeof effects)[number];

export function effectOf(planned: PlannedJob): Effect {
  switch (planned.action) {
    case 'unchanged':
    case 'stay':
    case 'refuse':
      return 'none';
    case 'delete':
      return 'ends';
    case 'create':
      return effectOfStart(planned);
    case 'update':
      return planned.parts ? strongest(planned.parts.map(effectOf)) : effectOfUpdate(planned);
    default:
      return exhaustive(planned.action);
  }
}

/** From what is felt most to what nobody notices. */
const byStrength: readonly Effect[] = [
  'short_stop',
  'stops',
  'ends',
  'moves',
  'rolls',
  'runs_once',
  'starts',
  'scales',
  'next_run',
  'scheduled',
  'none',
];

function strongest(found: readonly Effect[]): Effect {
  return byStrength.find((effect) => found.includes(effect)) ?? 'none';
}

function effectOfStart({ type, after }: PlannedJob): Effect {
  if (type === 'one-off') return 'runs_once';
  if (type === 'scheduled') return after?.suspend ? 'suspends' : 'scheduled';
  return after?.replicas === 0 ? 'none' : 'starts';
}

/** Not in the template of the pods, so that a change of them alone makes none anew. */
const besidePods: ReadonlySet<ComparedField> = new Set(['replicas', 'publish', 'after', 'unusual']);

function effectOfUpdate(planned: PlannedJob): Effect {
  const { type, present, before, after, changed, formers } = planned;
  if (formers.length > 0) return 'moves';
  if (type === 'one-off') return 'runs_once';
  if (type === 'scheduled' && changed.includes('suspend')) return after?.suspend ? 'suspends' : 'resumes';
  if (type === 'scheduled') return 'next_run';
  if (!before || !after) return 'short_stop';
  if (isSameJob(before, after)) return 'none';
  if (before.replicas === 0) return after.replicas === 0 ? 'none' : 'starts';
  if (after.replicas === 0) return 'stops';
  // Objects of earlier services, which say nothing of a definition, are written in another form whatever is changed.
  const isKept = present?.object.definition !== undefined && changed.every((field) => besidePods.has(field));
  if (isKept) return changed.includes('replicas') ? 'scales' : 'none';
  return after.replicas === 1 ? 'short_stop' : 'rolls';
}

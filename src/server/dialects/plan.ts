/** A plan as the canonical dialect tells it: to programs in words that never change, to people in plain ones. Pure. */
import { cpuText2026, memoryText2026 } from '../../definition/quantity.ts';
import type { ComparedField } from '../../definition/same-job.ts';
import { valuesOf } from '../../definition/variables.ts';
import type { JobType, ResolvedJob } from '../../domain.ts';
import { type AppError, errorTable } from '../../errors.ts';
import type { Plan } from '../handlers/plan.ts';
import { firingsOf } from '../next-firing.ts';
import { type Effect, effectOf } from '../plan/effect.ts';
import { objectsOf, type PlannedJob } from '../plan/planned-job.ts';
import { warningsOf } from './canonical.ts';
import { changesOfParts, isAnyNew, wordsOfParts } from './plan-parts.ts';
import { value2026 } from './quota.ts';
import { instantText } from './status/instant.ts';

interface PlannedJob2026 {
  readonly name: string;
  readonly job_type: JobType;
  readonly action: PlannedJob['action'];
  readonly changes: readonly { readonly field: string; readonly from: unknown; readonly to: unknown }[];
  readonly effect: Effect;
  readonly message: string;
  readonly next_schedules: readonly string[];
  /** On whose clocks its schedule counts, where that is not UTC. */
  readonly timezone?: string;
  readonly warnings: readonly string[];
  readonly successor: string | null;
  readonly parts?: readonly { readonly name: string; readonly action: PlannedJob['action'] }[];
  readonly refusal: { readonly error: readonly string[]; readonly code: string; readonly id: string } | null;
}

export function renderPlan(plan: Plan, now: number): object {
  return {
    jobs: plan.jobs.map((job) => renderPlannedJob(job, now)),
    quota: plan.quota.map((item) => ({
      name: item.name,
      limit: value2026(item, item.limit),
      used: value2026(item, item.used),
      after: value2026(item, item.after),
      fits: item.fits,
    })),
    problems: plan.problems,
  };
}

const shownFirings = 5;

function renderPlannedJob(planned: PlannedJob, now: number): PlannedJob2026 {
  const { name, type, action, before, after, definition, changed, refusal, delay } = planned;
  const isMade = action === 'create' || action === 'update';
  const isTimed =
    action === 'create' ||
    (isMade && (['schedule', 'timeZone', 'suspend'] as const).some((field) => changed.includes(field)));
  const timed = isTimed || isAnyNew(planned) ? objectsOf(planned).map((object) => object.after) : [];
  const firings =
    firingsOf(
      timed.filter((job) => !job?.suspend),
      now,
      shownFirings,
    ) ?? [];
  const shown = isMade && before && after ? changed : [];
  return {
    name,
    job_type: type,
    action,
    changes: [
      ...shown.flatMap((field) => (before && after ? [changeOf(field, before, after)] : [])),
      ...(isMade && before ? changesOfParts(planned) : []),
    ],
    effect: effectOf(planned),
    message: refusal?.message ?? messageOf(planned),
    next_schedules: firings.flatMap((at) => instantText(at) ?? []),
    ...(after && after.timeZone !== 'UTC' ? { timezone: after.timeZone } : {}),
    warnings: isMade && after ? [...warningsOf(after, definition, now), ...(delay === undefined ? [] : [delay])] : [],
    successor: planned.successor ?? null,
    refusal: refusal ? renderRefusal(refusal) : null,
    ...(planned.parts ? { parts: planned.parts.map(({ name, action }) => ({ name, action })) } : {}),
  };
}

function renderRefusal({ code, message, problems }: AppError): PlannedJob2026['refusal'] {
  return { error: problems?.length ? problems : [message], code, id: errorTable[code].id };
}

function changeOf(field: ComparedField, before: ResolvedJob, after: ResolvedJob): PlannedJob2026['changes'][number] {
  const [name, read] = fields[field];
  // An image that was moved has its name as before.
  const isMoved = field === 'image' && before.image.name === after.image.name;
  return isMoved
    ? { field: name, from: before.image.url, to: after.image.url }
    : { field: name, from: read(before) ?? null, to: read(after) ?? null };
}

const fields: Readonly<Record<ComparedField, readonly [name: string, read: (job: ResolvedJob) => unknown]>> = {
  name: ['name', ({ name }) => name],
  type: ['job_type', ({ type }) => type],
  cmd: ['cmd', ({ cmd }) => cmd],
  image: ['imagename', ({ image }) => image.name],
  schedule: ['schedule', ({ schedule }) => schedule?.text],
  filelog: ['filelog', ({ filelog }) => filelog],
  filelogStdout: ['filelog_stdout', ({ filelogStdout }) => filelogStdout],
  filelogStderr: ['filelog_stderr', ({ filelogStderr }) => filelogStderr],
  emails: ['emails', ({ emails }) => emails],
  mount: ['mount', ({ mount }) => mount],
  memory: ['memory', ({ memory }) => memoryText2026(memory)],
  cpu: ['cpu', ({ cpu }) => cpuText2026(cpu)],
  retry: ['retry', ({ retry }) => retry],
  timeout: ['timeout', ({ timeout }) => timeout],
  suspend: ['suspend', ({ suspend }) => suspend && (Object.keys(suspend).length > 0 ? suspend : true)],
  suspendAfter: ['suspend_after', ({ suspendAfter }) => suspendAfter],
  timeZone: ['timezone', ({ timeZone }) => timeZone],
  concurrency: ['concurrency', ({ concurrency }) => concurrency],
  startingDeadline: ['starting_deadline', ({ startingDeadline }) => startingDeadline],
  replicas: ['replicas', ({ replicas }) => replicas],
  port: ['port', ({ port }) => port],
  portProtocol: ['port_protocol', ({ portProtocol }) => portProtocol],
  healthCheck: ['health_check', ({ healthCheck }) => healthCheck],
  publish: ['publish', ({ publish }) => publish],
  variables: ['parameters', ({ variables }) => valuesOf(variables)],
  after: ['after', ({ after }) => after],
  unusual: ['unusual', ({ unusual }) => unusual ?? false],
};

function messageOf(planned: PlannedJob): string {
  const { action, parts, successor } = planned;
  const renamed = successor === undefined ? '' : `The new job '${successor}' does the same: was it renamed?`;
  if (action === 'stay') return successor === undefined ? '' : `${renamed} Both will be there.`;
  const own = parts ? wordsOfParts(parts, ownWords) : ownWords(planned);
  return [own, stayWords(planned), orderWords(planned), renamed].filter((text) => text !== '').join(' ');
}

/** Of a job that a command suspended: no file changes that. */
function stayWords({ name, action, present, changed }: PlannedJob): string {
  const isKept = (action === 'update' || action === 'unchanged') && !changed.includes('suspend');
  const isSuspended = present?.key.kind === 'CronJob' && present.object.status.suspended;
  return isKept && isSuspended ? `It stays suspended: 'resume ${name}' lets it go on.` : '';
}

function ownWords(planned: PlannedJob): string {
  return messages[effectOf(planned)](planned);
}

const messages: Readonly<Record<Effect, (planned: PlannedJob) => string>> = {
  none: ({ action }) => (action === 'update' ? 'What runs of it is not touched.' : ''),
  starts: ({ after }) => `${copies(after)} at once.`,
  runs_once: ({ action }) => (action === 'update' ? 'It runs once more, at once.' : 'It runs once, at once.'),
  scheduled: () => 'It waits for its first run.',
  suspends: ({ after }) => `It is suspended: no run starts until ${after?.suspend?.until ?? 'it is resumed'}.`,
  resumes: () => 'It goes on: its schedule begins runs again.',
  next_run: (planned) =>
    `It holds from the next run on.${isRunning(planned) ? ' The run that goes on ends as it began.' : ''}`,
  scales: ({ before, after }) => scaleWords((after?.replicas ?? 0) - (before?.replicas ?? 0)),
  rolls: () => 'Rolling: its copies are replaced one after the other, while others run.',
  short_stop: () => 'One short stop, because it has one copy: what runs ends before the new copy begins.',
  stops: () => 'It stops: it is to have no copy.',
  moves: ({ type, before }) =>
    before && before.type !== type
      ? `It is made as a ${type} job first; then the ${before.type} one is ended, with all that runs of it. For a moment both are there.`
      : 'What is left of it in another type is ended, with all that runs of it.',
  ends: (planned) => (isRunning(planned) ? endWords(planned) : 'Nothing of it runs now.'),
};

function orderWords({ action, after }: PlannedJob): string {
  const isMade = action === 'create' || action === 'update';
  return isMade && after?.after ? `It comes after ${after.after.map((name) => `'${name}'`).join(', ')}.` : '';
}

function copies(job: ResolvedJob | undefined): string {
  const count = job?.replicas ?? 1;
  return count === 1 ? 'One copy starts' : `${count} copies start`;
}

function scaleWords(difference: number): string {
  const count = Math.abs(difference);
  const words = count === 1 ? 'One copy' : `${count} copies`;
  if (difference < 0) return `${words} ${count === 1 ? 'ends' : 'end'}; the others run on.`;
  return `${words} more ${count === 1 ? 'starts' : 'start'}; the others run on.`;
}

function endWords({ type }: PlannedJob): string {
  return type === 'continuous' ? 'What runs of it is ended.' : 'The run that goes on is ended.';
}

function isRunning({ present, formers }: PlannedJob): boolean {
  return [present, ...formers].some(
    (one) => one?.pods.some(({ phase }) => phase === 'Pending' || phase === 'Running') ?? false,
  );
}

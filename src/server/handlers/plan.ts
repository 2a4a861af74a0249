/**
 * What would become of the jobs of a file, and of those it does not name: the decisions that a run or an apply would come to, carried out by
 * nobody. A mistake in one of them hides nothing of the others.
 */
import { setImmediate as breathe } from 'node:timers/promises';
import { type ComparedField, differences } from '../../definition/same-job.ts';
import { type JobSnapshot, jobNameOf, type ResolvedJob, type Tool, typeOfKind } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { recordAt } from '../../fields.ts';
import type { Caller } from '../identify.ts';
import { inOrder, orderProblems } from '../plan/order.ts';
import { maxPlannedJobs, objectsOf, type PlannedJob } from '../plan/planned-job.ts';
import { type QuotaAfter, quotaAfter } from '../plan/quota-after.ts';
import { rollingDelay } from '../plan/rolling.ts';
import { roomProblems } from '../plan/room.ts';
import { outcomeOf } from './apply.ts';
import { type Beside, type Decide, type Decision, decideChange, decideCreation, type PartDecision } from './decide.ts';
import { type Deps, readyJobs } from './deps.ts';
import { publishersOf, readRequest } from './prepare.ts';
import { readQuota } from './quota.ts';

export interface PlanRequest {
  /** Canonical bodies, not yet trusted. */
  readonly jobs: readonly Readonly<Record<string, unknown>>[];
  /** With which request they will be sent: a job that is run must be new. */
  readonly operation: 'apply' | 'run';
  /** Whether jobs that are not named will be deleted. */
  readonly prune: boolean;
}

export interface Plan {
  /** In the order in which whoever carries it out has to. */
  readonly jobs: readonly PlannedJob[];
  /** When all of it has been done, and every continuous job runs. */
  readonly quota: readonly QuotaAfter[];
  /** Why it cannot be carried out, beside the refusals of single jobs. */
  readonly problems: readonly string[];
}

/** Then others have their turn: a job takes about a tenth of a millisecond. */
const atOnce = 32;

/** @throws AppError what concerns no single job: `view.not_ready`, `images.unavailable`, `home.*`, `credentials.*`, `kube.*` */
export async function planJobs(caller: Caller, request: PlanRequest, deps: Deps): Promise<Plan> {
  const existing = readyJobs(deps).list(caller.tool.namespace);
  const named = new Set(request.jobs.map(nameOf));
  const others = existing.filter((one) => !named.has(jobNameOf(one)) && one.object.deletingAt === undefined);
  const leaving = new Set(request.prune ? others.map(({ key }) => key.name) : []);
  const publishers = [...(request.prune ? [] : publishersOf(others)), ...request.jobs.filter(isPublished).map(nameOf)];
  const asked: PlannedJob[] = [];
  const seen = new Set<string>();
  const objects = new Map<string, string>();
  for (const [index, input] of request.jobs.entries()) {
    if (index % atOnce === atOnce - 1) await breathe();
    const isRepeated = seen.has(nameOf(input));
    seen.add(nameOf(input));
    const planned = isRepeated
      ? repeated(nameOf(input))
      : await planJob(caller, input, request, deps, { publishers, leaving });
    asked.push(withoutOthersName(planned, objects));
  }
  const rest = lives(others).map((snapshots) => planOther(snapshots, request.prune, asked));
  const { defaultCpuLimit } = deps.settings();
  const jobs = inOrder([...asked, ...rest], defaultCpuLimit);
  const quota = quotaAfter(await readQuota(caller, deps), jobs, defaultCpuLimit);
  const delayed = jobs.map((job) => ({ ...job, delay: rollingDelay(job, quota, defaultCpuLimit) }));
  return { jobs: delayed, quota, problems: [...orderProblems(jobs), ...roomProblems(jobs, quota)] };
}

/** More are a program's mistake that is made again and again. */
const maxProblems = 100;

/** Words what is wrong with bodies of a shape that no job has. @throws AppError `job.invalid` */
export async function explainPlanRequest(caller: Caller, bodies: readonly unknown[], deps: Deps): Promise<void> {
  const problems: string[] = [];
  if (bodies.length > maxPlannedJobs) return;
  for (const [index, body] of bodies.entries()) {
    if (problems.length >= maxProblems) break;
    if (index % atOnce === atOnce - 1) await breathe();
    try {
      await readRequest(caller, recordAt(body), deps);
    } catch (error) {
      if (!(error instanceof AppError) || !mistakes.has(error.code)) throw error;
      problems.push(...(error.problems ?? [error.message]).map((text) => `jobs[${index}]: ${text}`));
    }
  }
  if (problems.length > 0) throw new AppError('job.invalid', problems.join('\n'), { problems });
}

const decides: Readonly<Record<PlanRequest['operation'], Decide>> = { apply: decideChange, run: decideCreation };

async function planJob(
  caller: Caller,
  input: Readonly<Record<string, unknown>>,
  { operation }: PlanRequest,
  deps: Deps,
  beside: Required<Beside>,
): Promise<PlannedJob> {
  try {
    const definition = await readRequest(caller, input, deps, beside.publishers);
    return planned(await decides[operation](caller, definition, deps, beside));
  } catch (error) {
    if (error instanceof AppError && mistakes.has(error.code)) return refused(caller.tool, nameOf(input), error, deps);
    throw error;
  }
}

/** What is wrong with one job, or in its way. */
const mistakes: ReadonlySet<AppError['code']> = new Set([
  'job.invalid',
  'schedule.invalid',
  'image.unknown',
  'limits.exceeded',
  'job.conflict',
  'job.is_part',
]);

const actions = { created: 'create', updated: 'update', unchanged: 'unchanged', refused: 'refuse' } as const;

function planned(decision: Decision): PlannedJob {
  const { parts, formers } = decision;
  const [only] = parts;
  const hasParts = [
    ...parts.flatMap(({ prepared }) => prepared.job),
    ...formers.flatMap(({ object }) => object.job ?? []),
  ].some(({ group }) => group !== undefined);
  if (hasParts || !only) return plannedGroup(decision);
  return plannedObject(only, actions[outcomeOf(decision)], formers);
}

function plannedObject(
  { prepared, present }: PartDecision,
  action: PlannedJob['action'],
  formers: readonly JobSnapshot[],
): PlannedJob {
  const { definition, job } = prepared;
  const before = present?.object.job ?? formers[0]?.object.job;
  const refusal = action === 'refuse' ? stillRunning(job.name) : undefined;
  return {
    name: job.name,
    type: job.type,
    action,
    before,
    after: refusal ? before : job,
    definition,
    changed: before ? differences(job, before) : [],
    present,
    formers: refusal ? [] : formers,
    refusal,
    delay: undefined,
    successor: undefined,
  };
}

/** Its fields are those of one part that is there and stays, or else of one that comes. */
function plannedGroup(decision: Decision): PlannedJob {
  const { definition, parts, formers, endsFormersFirst } = decision;
  const action = actions[outcomeOf(decision)];
  const refusal = action === 'refuse' ? stillRunning(definition.name) : undefined;
  const written = parts.map((part) => plannedObject(part, refusal ? 'stay' : actionOf(part), []));
  const ended = refusal ? [] : formers.map(ending);
  const model =
    written.find(({ action: of }) => of === 'update') ?? written.find(({ present }) => present) ?? written[0];
  const before = model?.before ?? formers[0]?.object.job;
  return {
    ...(model ?? untouched(definition.name, formers[0])),
    name: definition.name,
    action,
    before,
    changed: before && model?.after ? fieldsOfAll(model.after, before) : [],
    present: model?.present ?? formers[0],
    refusal,
    parts: endsFormersFirst ? [...ended, ...written] : [...written, ...ended],
  };
}

/** Without what makes the parts, which is told of their job, and between two parts without what follows from their names. */
function fieldsOfAll(after: ResolvedJob, before: ResolvedJob): ComparedField[] {
  const ofOnePart: readonly ComparedField[] = ['name', 'filelogStdout', 'filelogStderr'];
  const untold = ['variables', 'schedule', ...(after.name === before.name ? [] : ofOnePart)];
  return differences(after, before).filter((field) => !untold.includes(field));
}

function actionOf({ step }: PartDecision): PlannedJob['action'] {
  if (step === 'create') return 'create';
  return step === 'keep' || step === 'note' ? 'unchanged' : 'update';
}

/** Jobs of one request may come to the same names of objects. */
function withoutOthersName(planned: PlannedJob, taken: Map<string, string>): PlannedJob {
  if (planned.refusal) return planned;
  const names = objectsOf(planned).flatMap(({ name, action }) => (action === 'delete' ? [] : [name]));
  const other = names.find((name) => taken.has(name));
  if (other === undefined) {
    for (const name of names) taken.set(name, planned.name);
    return planned;
  }
  const text = `The name ${other} is that of '${taken.get(other)}', another job of the request, or of a part of it.`;
  return { ...untouched(planned.name, planned.present), action: 'refuse', refusal: new AppError('job.conflict', text) };
}

function refused({ namespace }: Tool, name: string, refusal: AppError, deps: Deps): PlannedJob {
  const present = deps.jobs.find(namespace, name);
  return { ...untouched(name, present), action: 'refuse', refusal };
}

function repeated(name: string): PlannedJob {
  const refusal = new AppError('job.invalid', `name: '${name}' is the name of another job of the request as well.`);
  return { ...untouched(name, undefined), action: 'refuse', refusal };
}

function ending(part: JobSnapshot): PlannedJob {
  return { ...untouched(part.key.name, part), action: 'delete', after: undefined };
}

function untouched(name: string, present: JobSnapshot | undefined): PlannedJob {
  const job = present?.object.job;
  return {
    name,
    type: present ? typeOfKind[present.key.kind] : 'one-off',
    action: 'stay',
    before: job,
    after: job,
    definition: undefined,
    changed: [],
    present,
    formers: [],
    refusal: undefined,
    delay: undefined,
    successor: undefined,
  };
}

/** @param snapshots of one job: of one without parts two where a change of type was cut off */
function planOther(
  [present, ...formers]: readonly JobSnapshot[],
  prune: boolean,
  asked: readonly PlannedJob[],
): PlannedJob {
  const other = untouched(present ? jobNameOf(present) : '', present);
  const successor = asked.find((one) => one.action === 'create' && doesTheSame(one.after, other.before))?.name;
  const objects = present ? [present, ...formers] : formers;
  if (objects.some(({ object }) => object.job?.group !== undefined)) {
    const parts = objects.map((part) => (prune ? ending(part) : untouched(part.key.name, part)));
    return { ...other, ...(prune ? { action: 'delete', after: undefined } : {}), successor, parts };
  }
  if (!prune) return { ...other, successor };
  return { ...other, action: 'delete', after: undefined, formers, successor };
}

function doesTheSame(one: ResolvedJob | undefined, other: ResolvedJob | undefined): boolean {
  if (!one || !other) return false;
  return (
    one.type === other.type &&
    one.cmd === other.cmd &&
    one.image.url === other.image.url &&
    one.schedule?.text === other.schedule?.text &&
    one.timeZone === other.timeZone &&
    JSON.stringify(one.variables ?? []) === JSON.stringify(other.variables ?? [])
  );
}

function lives(snapshots: readonly JobSnapshot[]): JobSnapshot[][] {
  const byName = new Map<string, JobSnapshot[]>();
  for (const one of snapshots) byName.set(jobNameOf(one), [...(byName.get(jobNameOf(one)) ?? []), one]);
  return [...byName.values()];
}

function stillRunning(name: string): AppError {
  const text = `The one-off job '${name}' runs, and cannot be changed while it does. Wait for its end, or delete it first.`;
  return new AppError('job.conflict', text, { fields: { field: 'name', value: name } });
}

function nameOf({ name }: Readonly<Record<string, unknown>>): string {
  return typeof name === 'string' ? name : '';
}

function isPublished({ publish }: Readonly<Record<string, unknown>>): boolean {
  return publish === true;
}

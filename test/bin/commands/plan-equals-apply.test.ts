/**
 * What `plan` says is what `apply` does, for any two files, one after the other: the commands as they are, over the table of routes and the
 * daemon's own roster.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client, FormerJob } from '../../../bin/client/client.ts';
import { type Plan, planOf } from '../../../bin/client/plan.ts';
import { applyFile } from '../../../bin/commands/apply.ts';
import type { Command, Context, Outcome } from '../../../bin/commands/outcome.ts';
import { planFile } from '../../../bin/commands/plan.ts';
import { undoChanges } from '../../../bin/commands/undo.ts';
import type { KubeObject } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { recordAt, textAt } from '../../../src/fields.ts';
import { effects } from '../../../src/server/plan/effect.ts';
import type { Call } from '../../../src/server/routes/route.ts';
import { createRoutes } from '../../../src/server/routes.ts';
import { type KeepingDeps, keepDeps } from '../../server/keeping-deps.ts';
import { alpha } from '../../server/scripted-deps.ts';

const runs = 1_000;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'plans-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Entry = Readonly<Record<string, unknown>>;

const common = {
  command: fc.constantFrom('echo 1', 'echo 2', 'echo 3 >x'),
  image: fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom('python3.11', 'toolforge-python311', 'bullseye') },
    { weight: 1, arbitrary: fc.constant('no-such-image') },
  ),
};
const optional = {
  mem: fc.constantFrom('512Mi', '0.5Gi', '1Gi', '300Mi'),
  cpu: fc.constantFrom('0.1', '100m', '1'),
  emails: fc.constantFrom('none', 'all'),
  parameters: fc.constantFrom({ WIKI: 'frwiki' }, { WIKI: '$(dewiki)' }, { MODE: '1', WIKI: 'frwiki' }),
};
const withType = (fields: Record<string, fc.Arbitrary<unknown>>, needed: readonly string[]): fc.Arbitrary<Entry> =>
  fc.record({ ...common, ...optional, ...fields }, { requiredKeys: ['command', 'image', ...needed] as never[] });
const continuous = withType({ continuous: fc.constant(true), replicas: fc.constantFrom(0, 1, 1, 2, 3) }, [
  'continuous',
]);
const entry: fc.Arbitrary<Entry> = fc.oneof(
  continuous,
  withType({ retry: fc.constantFrom(0, 1) }, []),
  withType(
    {
      schedule: fc.constantFrom('17 4 * * *', '@daily', '~ ~ * * *', '0 0 * * 7', '0 0 * * 0'),
      timeout: fc.constantFrom(0, 9),
      suspend: fc.constant(true),
      'suspend-after': fc.constantFrom(0, 3),
      timezone: fc.constantFrom('UTC', 'Europe/Rome', 'CET'),
      concurrency: fc.constantFrom('forbid', 'replace'),
      'starting-deadline': fc.constantFrom(30, 600),
    },
    ['schedule'],
  ),
  continuous,
  withType(
    {
      continuous: fc.constant(true),
      port: fc.constantFrom(80, 8080, '53/udp'),
      'health-check-script': fc.constantFrom('./a', './b'),
    },
    ['continuous', 'port'],
  ),
  withType({ continuous: fc.constant(true), port: fc.constant(80), publish: fc.constant(true) }, [
    'continuous',
    'port',
    'publish',
  ]),
);
/** A job in several parts; an edit of it may be another matrix, other schedules, or neither. */
const matrix = fc.oneof(
  fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { minLength: 1, maxLength: 2 }).map((values) => ({ M: values })),
  fc.constant({ M: ['x'], N: ['1', 'Ü'] }),
);
const several = fc.oneof(
  fc.tuple(entry, matrix).map(([one, values]) => (one.publish ? one : { ...one, matrix: values })),
  fc
    .tuple(
      entry,
      fc.uniqueArray(fc.constantFrom('0 6 * * *', '0 18 * * *', '30 7 * * 1', '@daily'), {
        minLength: 1,
        maxLength: 2,
      }),
      fc.option(matrix, { nil: undefined }),
    )
    .map(([{ command, image }, schedule, values]) => ({
      command,
      image,
      schedule,
      ...(values ? { matrix: values } : {}),
    })),
);
const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const file: fc.Arbitrary<readonly Entry[]> = fc
  .uniqueArray(
    fc.tuple(fc.constantFrom(...names), fc.oneof({ weight: 3, arbitrary: entry }, { weight: 1, arbitrary: several })),
    { maxLength: 6, selector: ([name]) => name },
  )
  .map((entries) => entries.map(([name, job]) => ({ name, ...job })));
/** Two files; some entries of the second are those of the first, as they were or with a change that people make. */
const edits: Readonly<Record<string, (one: Entry) => Entry | undefined>> = {
  rewritten: () => undefined,
  kept: (one) => one,
  'with another command, and no longer suspended': ({ suspend: _, ...one }) => ({ ...one, command: './new.sh' }),
  resized: (one) => (one.continuous ? { ...one, replicas: one.replicas === 3 ? 0 : 3 } : one),
};
const pair = fc
  .tuple(file, file, fc.array(fc.constantFrom(...Object.keys(edits)), { minLength: 6, maxLength: 6 }))
  .map(([before, other, chosen]) => {
    const edited = before
      .map((one) => edits[chosen[names.indexOf(String(one.name))] ?? '']?.(one))
      .filter((one) => one !== undefined);
    return { before, after: [...edited, ...other.filter(({ name }) => !edited.some((one) => one.name === name))] };
  });
/** A job that says `echo 2` comes after the next one of the file, where that is no one-off: those have no end here. */
function inOrder(entries: readonly Entry[]): Entry[] {
  return entries.map((one, index) => {
    const next = entries[index + 1];
    const isFollower = one.command === 'echo 2' && (next?.continuous === true || next?.schedule !== undefined);
    return isFollower ? { ...one, after: next?.name } : one;
  });
}

/** What happens between the two: one-offs that end, Services that are lost. */
const meanwhile = fc.record({ ended: fc.subarray(names), lost: fc.subarray(['a', 'b', 'c']) });
const number = fc.integer({ min: 1, max: 4 });
const hard = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.record({
      'count/jobs.batch': number,
      'count/cronjobs.batch': number,
      'count/deployments.apps': number,
    }),
  },
);

interface World {
  readonly deps: KeepingDeps;
  plan(entries: readonly Entry[], prune: boolean): Promise<{ exit: number; plan: Plan }>;
  apply(entries: readonly Entry[], prune: boolean): Promise<Outcome>;
  /** Of everything. */
  undo(): Promise<Outcome>;
  /** As `show` shows it. */
  show(name: string): Promise<Readonly<Record<string, unknown>>>;
}

function createWorld(): World {
  const deps = keepDeps();
  deps.script.live = { ...deps.script.live, publicDomain: 'tools.example.org' };
  const routes = createRoutes(deps);
  const ask = async (operation: string, body?: unknown, name = ''): Promise<Record<string, unknown>> => {
    const route = routes.find((one) => one.operation === operation);
    if (!route) throw new Error(`no route ${operation}`);
    const params: Call['params'] = { tool: 'alpha', name };
    const call: Call = { caller: alpha, params, query: {}, body, header: () => undefined, release() {} };
    const answer: unknown = JSON.parse(JSON.stringify(await route.handle(call)));
    return answer as Record<string, unknown>;
  };
  const client: Pick<Client, 'planJobs' | 'applyJob' | 'deleteJob' | 'listFormer' | 'showJob'> = {
    showJob: async (name) => recordAt(await ask('show', undefined, name), 'job'),
    listFormer: async () => (await ask('former')).former as FormerJob[],
    planJobs: async (request) => planOf(await ask('plan', request)),
    applyJob: async (body) => (await ask('apply', body)).job_changed === true,
    deleteJob: async (name) => void (await ask('delete', undefined, name)),
  };
  const run = (
    command: Command,
    entries: readonly Entry[],
    options: readonly string[],
    values?: readonly (readonly [string, string])[],
  ) => {
    const path = join(directory, 'jobs.yaml');
    writeFileSync(path, JSON.stringify(inOrder(entries)));
    const context: Context = {
      tool: 'quick',
      client: client as Client,
      line: {
        command: undefined,
        operands: values ? [] : [path],
        options: new Map([...options.map((key) => [key, ''] as const), ...(values ?? [])]),
      },
      say() {},
      print: async () => {},
      progress() {},
      isWatched: false,
      home: undefined,
      clock: { now: () => 0, sleep: async () => {} },
      signal: new AbortController().signal,
    };
    return command(context);
  };
  const pruning = (prune: boolean) => (prune ? ['prune'] : []);
  return {
    deps,
    async plan(entries, prune) {
      const { exit = 0, data } = await run(planFile, entries, [...pruning(prune), 'exit-code']);
      return { exit, plan: data as Plan };
    },
    apply: (entries, prune) => run(applyFile, entries, [...pruning(prune), 'yes']),
    undo: () => run(undoChanges, [], [], [['since', '2026-01-01T00:00:00Z']]),
    show: async (name) => recordAt(await ask('show', undefined, name), 'job'),
  };
}

/** Objects of jobs by the name of the job, without those of Services. */
function objectsOf({ stored }: KeepingDeps): Map<string, string> {
  const byName = new Map<string, string>();
  for (const [key, object] of [...stored].sort()) {
    const [kind, name = ''] = key.split('/');
    const job = textAt(object, 'metadata', 'labels', 'jobs.toolforge.org/group') ?? name;
    if (kind !== 'Service' && kind !== 'Ingress')
      byName.set(job, (byName.get(job) ?? '') + key + JSON.stringify(object));
  }
  return byName;
}

function end(deps: KeepingDeps, names: readonly string[]): void {
  for (const name of names) {
    const object: KubeObject | undefined = deps.stored.get(`Job/${name}`);
    const conditions = [{ type: 'Complete', status: 'True', lastTransitionTime: '2026-03-01T12:30:00Z' }];
    if (object) deps.put('Job', { ...object, status: { ...recordAt(object, 'status'), succeeded: 1, conditions } });
  }
}

const isLeft = ({ action }: { action: string }) => action === 'stay';
const isDone = ({ action }: { action: string }) => ['create', 'update', 'delete'].includes(action);

interface Applied {
  readonly changed: number;
  readonly jobs: readonly { readonly name: string; readonly action: string; readonly state: string }[];
}

async function prepared(before: readonly Entry[], between: { ended: string[]; lost: string[] }): Promise<World> {
  const world = createWorld();
  await world
    .apply(
      before.filter(({ image }) => image !== 'no-such-image'),
      false,
    )
    .catch(refusedAsInvalid);
  end(world.deps, between.ended);
  for (const name of between.lost) world.deps.stored.delete(`Service/${name}`);
  world.deps.writes.length = 0;
  return world;
}

function refusedAsInvalid(error: unknown): 'refused' {
  expect(error).toMatchObject({ code: 'job.invalid' });
  return 'refused';
}

/** Fields that the type of a job shows have the values that the plan named. */
async function expectValues(world: World, plan: Plan, side: 'from' | 'to'): Promise<void> {
  for (const { name, action, changes } of plan.jobs) {
    const shown = action === 'update' ? await world.show(name) : {};
    for (const change of changes) {
      // Of an image that has moved the addresses are told.
      if (Object.hasOwn(shown, change.field))
        expect([name, change.field, shown[change.field]]).toEqual([name, change.field, change[side]]);
    }
  }
}

describe(`for ${runs} random pairs of files`, () => {
  it('apply does what plan says, no more and no less, and then there is nothing to do', {
    timeout: 120_000,
  }, async () => {
    const met: string[] = [];
    const once = async (
      { before, after }: { before: readonly Entry[]; after: readonly Entry[] },
      between: { ended: string[]; lost: string[] },
      prune: boolean,
      limits: Readonly<Record<string, number>>,
    ) => {
      const world = await prepared(before, between);
      const { deps } = world;
      deps.hard = limits;
      const objects = objectsOf(deps);
      const { exit, plan } = await world.plan(after, prune);
      expect(deps.writes).toEqual([]);
      await expectValues(world, plan, 'from');

      const outcome = await world.apply(after, prune).catch(refusedAsInvalid);
      met.push(...(outcome === 'refused' ? ['refused'] : plan.jobs.map(({ effect }) => effect)));
      if (outcome === 'refused') {
        expect({ exit, writes: deps.writes }).toEqual({ exit: 1, writes: [] });
        return deps.stop();
      }
      const { jobs, changed } = outcome.data as Applied;
      expect(exit).toBe(changed > 0 ? 3 : 0);
      expect(jobs).toEqual(
        plan.jobs
          .filter((job) => !isLeft(job))
          .map(({ name, action }) => ({ name, action, state: action === 'unchanged' ? 'unchanged' : 'done' })),
      );
      await expectValues(world, plan, 'to');
      const now = objectsOf(deps);
      for (const job of plan.jobs) {
        if (!isDone(job)) expect(now.get(job.name)).toBe(objects.get(job.name));
        else if (job.action === 'delete') expect(now.has(job.name)).toBe(false);
        else if (job.changes.length > 0 || job.action === 'create')
          expect(now.get(job.name)).not.toBe(objects.get(job.name));
      }
      const again = await world.plan(after, prune);
      expect({ exit: again.exit, left: again.plan.jobs.filter(isDone) }).toEqual({ exit: 0, left: [] });
      deps.stop();
    };
    await fc.assert(fc.asyncProperty(pair, meanwhile, fc.boolean(), hard, once), { numRuns: runs });
    // All that can be planned was.
    expect(['refused', ...effects].filter((one) => !met.includes(one))).toEqual([]);
  });

  it('undo makes all that was changed or deleted be as before, and leaves alone what was new', {
    timeout: 120_000,
  }, async () => {
    let undone = 0;
    const once = async (
      { before, after }: { before: readonly Entry[]; after: readonly Entry[] },
      between: { ended: string[]; lost: string[] },
    ) => {
      const world = await prepared(before, { ...between, lost: [] });
      const { deps } = world;
      const there = before.filter(({ name }) => objectsOf(deps).has(String(name)));
      const outcome = await world.apply(after, true).catch(refusedAsInvalid);
      if (outcome === 'refused' || (outcome.data as Applied).changed === 0) return deps.stop();
      const news = (outcome.data as Applied).jobs.filter(({ action }) => action === 'create').map(({ name }) => name);
      const hasFormer = (await deps.former.list(alpha.tool)).length > 0;
      const undo = hasFormer ? await world.undo().catch(refusedAsInvalid) : undefined;
      if (undo !== 'refused') {
        undone += hasFormer ? 1 : 0;
        const { plan } = await world.plan(there, false);
        expect(
          plan.jobs
            .filter((job) => job.action !== 'unchanged')
            .map(({ name }) => name)
            .sort(),
        ).toEqual(news.sort());
      }
      deps.stop();
    };
    await fc.assert(fc.asyncProperty(pair, meanwhile, once), { numRuns: runs / 4 });
    expect(undone).toBeGreaterThan(20);
  });

  it('a failure on the way leaves each job as before or as asked for, and it is said which', {
    timeout: 120_000,
  }, async () => {
    const states: string[] = [];
    const once = async (
      { before, after }: { before: readonly Entry[]; after: readonly Entry[] },
      between: { ended: string[]; lost: string[] },
      prune: boolean,
      failing: number,
      code: 'kube.refused' | 'kube.unreachable',
    ) => {
      const world = await prepared(before, between);
      const { deps } = world;
      const objects = objectsOf(deps);
      const { plan } = await world.plan(after, prune);
      let writes = 0;
      deps.onWrite = () => {
        writes += 1;
        if (writes > failing) throw new AppError(code, 'No.');
      };
      const outcome = await world.apply(after, prune).catch(refusedAsInvalid);
      deps.onWrite = () => {};
      if (outcome === 'refused') return deps.stop();
      const now = objectsOf(deps);
      const { plan: rest } = await world.plan(after, prune);
      for (const { name, state, action } of (outcome.data as Applied).jobs) {
        states.push(state);
        const [planned, left] = [plan, rest].map(({ jobs }) => jobs.find((job) => job.name === name));
        if (state === 'done' || state === 'unchanged') expect([undefined, 'unchanged']).toContain(left?.action);
        else if (state === 'partly')
          expect(planned?.parts || ['moves', 'runs_once'].includes(planned?.effect ?? '')).toBeTruthy();
        else {
          expect([name, state, now.get(name)]).toEqual([name, state, objects.get(name)]);
          expect(left?.action).toBe(action);
        }
      }
      const { jobs } = (await world.apply(after, prune)).data as Applied;
      expect(jobs.filter(({ state }) => state !== 'done' && state !== 'unchanged')).toEqual([]);
      deps.stop();
    };
    const failure = fc.constantFrom('kube.refused' as const, 'kube.unreachable' as const);
    await fc.assert(fc.asyncProperty(pair, meanwhile, fc.boolean(), fc.nat(8), failure, once), { numRuns: runs / 4 });
    expect([...new Set(states)].sort()).toEqual(['done', 'failed', 'not sent', 'partly', 'unchanged']);
  });
});

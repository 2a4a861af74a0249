/** What is planned for a file of jobs: nothing is written, and nothing is hidden by a mistake beside it. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ResolvedJob } from '../../../src/domain.ts';
import { AppError } from '../../../src/errors.ts';
import { renderPlan } from '../../../src/server/dialects/plan.ts';
import { explainPlanRequest, type PlanRequest, planJobs } from '../../../src/server/handlers/plan.ts';
import { standardImage } from '../../support/definitions.ts';
import { makePodFacts, makeRun, makeSnapshot, now } from '../../support/facts.ts';
import { alpha, continuousNamed, jobNamed, type ScriptedDeps, scriptDeps } from '../scripted-deps.ts';

let deps: ScriptedDeps;
type Input = Record<string, unknown>;
const bot = { name: 'bot', cmd: './run.sh', imagename: 'python3.11', filelog: false, continuous: true };
const nightly = { name: 'nightly', cmd: './run.sh', imagename: 'python3.11', schedule: '17 4 * * *' };
const running = { cmd: './run.sh', image: standardImage, filelog: false, memory: '512Mi', cpu: '100m' };
const definition = { name: 'bot', type: 'continuous', cmd: './run.sh', image: 'python3.11' } as const;

function botNow(changes: Partial<ResolvedJob> = {}, pods = changes.replicas ?? 1) {
  const snapshot = continuousNamed('bot', { ...running, ...changes });
  return {
    ...snapshot,
    object: { ...snapshot.object, definition },
    pods: Array.from({ length: pods }, () => makePodFacts()),
  };
}

function scheduledNamed(name: string, changes: Partial<ResolvedJob> = {}) {
  const key = { namespace: 'tool-alpha', kind: 'CronJob', name } as const;
  const schedule = { text: '17 4 * * *', actual: '17 4 * * *' };
  const paths = { filelog: true, filelogStdout: `/data/project/alpha/${name}.out` };
  const job = { ...running, ...paths, filelogStderr: `/data/project/alpha/${name}.err`, schedule, ...changes, name };
  return { ...makeSnapshot({ kind: 'CronJob', job, object: { key, uid: `uid-${name}` } }), key };
}

const plan = (jobs: readonly Input[], changes: Partial<PlanRequest> = {}) =>
  planJobs(alpha, { jobs, operation: 'apply', prune: false, ...changes }, deps);
const shown = async (jobs: readonly Input[], changes: Partial<PlanRequest> = {}) =>
  renderPlan(await plan(jobs, changes), now) as {
    jobs: {
      name: string;
      action: string;
      changes: unknown[];
      effect: string;
      message: string;
      next_schedules: string[];
      warnings: string[];
      successor: string | null;
      refusal: { code: string; error: string[] } | null;
    }[];
    quota: { name: string; limit: string; used: string; after: string; fits: boolean }[];
    problems: string[];
  };
const only = async (input: Input, changes: Partial<PlanRequest> = {}) => {
  const { jobs } = await shown([input], changes);
  const found = jobs.find(({ name }) => name === input.name);
  if (!found) throw new Error('it is not planned');
  return found;
};
const actions = async (jobs: readonly Input[], changes: Partial<PlanRequest> = {}) =>
  (await plan(jobs, changes)).jobs.map(({ name, action }) => `${action} ${name}`);

beforeEach(() => {
  deps = scriptDeps();
});

describe('a plan', () => {
  it('says of each job what becomes of it, and writes nothing', async () => {
    deps.view.set('tool-alpha', [jobNamed('once'), scheduledNamed('nightly'), botNow()]);
    const jobs = [{ ...bot, cmd: './other.sh' }, nightly, { ...nightly, name: 'novel' }];
    expect(await actions(jobs)).toEqual(['update bot', 'unchanged nightly', 'create novel', 'stay once']);
    expect(await actions(jobs, { prune: true })).toEqual([
      'delete once',
      'update bot',
      'unchanged nightly',
      'create novel',
    ]);
    const reads = ['homeOf', 'resourceQuotas', 'limitRanges', 'companion'];
    expect(deps.asked.filter(([what]) => !reads.includes(String(what)))).toEqual([]);
  });

  it('has a job behind those it comes after, and says so', async () => {
    const first = { name: 'first', cmd: './setup.sh', imagename: 'python3.11' };
    const jobs = [{ ...bot, after: ['nightly'] }, { ...nightly, after: ['first', 'elsewhere'] }, first];
    expect(await actions(jobs)).toEqual(['create first', 'create nightly', 'create bot']);
    expect((await only(jobs[0] as Input)).message).toBe("One copy starts at once. It comes after 'nightly'.");
    const circle = [
      { ...bot, after: ['nightly'] },
      { ...nightly, after: ['bot'] },
    ];
    expect(await actions(circle)).toEqual(['create nightly', 'create bot']);
  });

  it('is not possible where the address of the tool would have to be given up after it is taken', async () => {
    deps.live = { ...deps.live, publicDomain: 'tools.example.org' };
    deps.view.set('tool-alpha', [botNow({ port: 80, publish: true })]);
    const taker = { ...bot, name: 'taker', port: 80, publish: true };
    expect((await shown([{ ...bot, port: 80 }, taker])).problems).toEqual([]);
    expect((await shown([{ ...bot, port: 80, after: ['taker'] }, taker])).problems).toEqual([
      "'bot' comes after 'taker', which cannot have the address of the tool before 'bot' gives it up.",
    ]);
  });

  it('changes what a job comes after, and its variables, each as what it is', async () => {
    deps.view.set('tool-alpha', [botNow({ after: ['a'], variables: [{ name: 'WIKI', value: 'frwiki' }] })]);
    const parameters = { WIKI: 'frwiki' };
    expect(await only({ ...bot, parameters, after: ['b'] })).toMatchObject({
      action: 'update',
      effect: 'none',
      changes: [{ field: 'after', from: ['a'], to: ['b'] }],
    });
    expect(await only({ ...bot, parameters: { WIKI: 'dewiki' }, after: ['a'] })).toMatchObject({
      effect: 'short_stop',
      changes: [{ field: 'parameters', from: { WIKI: 'frwiki' }, to: { WIKI: 'dewiki' } }],
    });
  });

  it('names fields as a job shows them, as they are and as they will be', async () => {
    deps.view.set('tool-alpha', [botNow()]);
    const { changes } = await only({
      ...bot,
      memory: '1Gi',
      cpu: '0.1',
      emails: 'all',
      port: 8080,
      health_check: { type: 'http', path: '/ok' },
    });
    expect(changes).toEqual([
      { field: 'emails', from: 'none', to: 'all' },
      { field: 'port', from: null, to: 8080 },
      { field: 'memory', from: '0.5Gi', to: '1.0Gi' },
      { field: 'health_check', from: null, to: { type: 'http', path: '/ok' } },
    ]);
  });

  it('shows the address of an image that has moved under its name', async () => {
    deps.view.set('tool-alpha', [botNow({ image: { ...standardImage, url: 'old:latest' } })]);
    expect((await only(bot)).changes).toEqual([{ field: 'imagename', from: 'old:latest', to: standardImage.url }]);
  });

  it('shows when a schedule that is new or changes comes next, and of no other one', async () => {
    deps.view.set('tool-alpha', [scheduledNamed('nightly')]);
    expect((await only({ ...nightly, name: 'novel' })).next_schedules.slice(0, 2)).toEqual([
      '2026-03-02T04:17:00Z',
      '2026-03-03T04:17:00Z',
    ]);
    expect((await only({ ...nightly, schedule: '0 5 * * *' })).next_schedules).toHaveLength(5);
    expect((await only({ ...nightly, cmd: './other.sh' })).next_schedules).toEqual([]);
  });

  it('refuses each job with mistakes for itself, with all of them', async () => {
    const jobs = [{ ...nightly, retry: 9, schedule: 'x' }, { ...bot, imagename: 'python3.12' }, nightly];
    const { jobs: found } = await shown(jobs);
    expect(found.map(({ action, refusal }) => [action, refusal?.code, refusal?.error.length])).toEqual([
      ['refuse', 'job.invalid', 2],
      ['refuse', 'image.unknown', 1],
      ['refuse', 'job.invalid', 1],
    ]);
    expect(found[2]?.message).toContain("'nightly' is the name of another job");
  });

  it('ends where the reason is no job’s', async () => {
    deps.homeOf = () => Promise.reject(new AppError('home.unavailable', 'no'));
    await expect(plan([bot])).rejects.toMatchObject({ code: 'home.unavailable' });
  });

  it('refuses a one-off that runs, and wants room for one that has ended', async () => {
    const once = { ...nightly, name: 'once', schedule: undefined };
    deps.view.set('tool-alpha', [{ ...jobNamed('once'), state: 'running' }]);
    expect(await only(once)).toMatchObject({ action: 'refuse', refusal: { code: 'job.conflict' } });
    deps.view.set('tool-alpha', [{ ...jobNamed('once'), state: 'failed' }]);
    expect(await only(once)).toMatchObject({ action: 'update', effect: 'runs_once' });
  });

  it('of jobs that must be new refuses names that are taken', async () => {
    deps.view.set('tool-alpha', [botNow(), { ...jobNamed('once'), state: 'failed' }]);
    expect(await only(bot, { operation: 'run' })).toMatchObject({ refusal: { code: 'job.conflict' } });
    const once = { ...nightly, name: 'once', schedule: undefined };
    expect(await only(once, { operation: 'run' })).toMatchObject({ action: 'update' });
    expect(await only(nightly, { operation: 'run' })).toMatchObject({ action: 'create' });
  });

  it('recognises what was renamed', async () => {
    deps.view.set('tool-alpha', [scheduledNamed('nightly')]);
    const renamed = { ...nightly, name: 'report' };
    for (const [prune, action] of [
      [false, 'stay'],
      [true, 'delete'],
    ] as const) {
      const { jobs } = await shown([renamed], { prune });
      const old = jobs.find(({ name }) => name === 'nightly');
      expect(old).toMatchObject({ action, successor: 'report' });
      expect(old?.message).toContain("The new job 'report' does the same: was it renamed?");
    }
  });

  it('takes nothing for renamed that runs at other times or with other variables', async () => {
    deps.view.set('tool-alpha', [scheduledNamed('nightly')]);
    for (const other of [{ schedule: '5 5 * * *' }, { timezone: 'Europe/Rome' }, { parameters: { WIKI: 'frwiki' } }]) {
      const { jobs } = await shown([{ ...nightly, ...other, name: 'report' }], { prune: true });
      expect(jobs.find(({ name }) => name === 'nightly')).toMatchObject({ action: 'delete', successor: null });
    }
  });

  it('leaves out what is going already', async () => {
    const going = botNow();
    deps.view.set('tool-alpha', [{ ...going, object: { ...going.object, deletingAt: now } }]);
    expect(await actions([], { prune: true })).toEqual([]);
  });

  it('lets the address of the tool pass from one job to another, but not to two', async () => {
    deps.live = { ...deps.live, publicDomain: 'tools.example.org' };
    deps.view.set('tool-alpha', [botNow({ port: 80, publish: true })]);
    deps.stored.set('Service/bot', {});
    const site = { ...bot, name: 'site', port: 80, publish: true };
    const [private80, public80] = [
      { ...bot, port: 80 },
      { ...bot, port: 80, publish: true },
    ];
    expect(await actions([site, private80])).toEqual(['update bot', 'create site']);
    expect(await actions([site], { prune: true })).toEqual(['delete bot', 'create site']);
    const moving = { ...nightly, name: 'bot' };
    deps.view.set('tool-alpha', [
      botNow({ port: 80, publish: true }),
      continuousNamed('site', { ...running, memory: '2Gi' }),
    ]);
    expect(await actions([site, moving])).toEqual(['update bot', 'update site']);
    deps.view.set('tool-alpha', [botNow({ port: 80, publish: true })]);
    expect(await actions([site])).toEqual(['refuse site', 'stay bot']);
    expect(await actions([site, public80])).toEqual(['refuse site', 'refuse bot']);
  });

  it('words the mistakes of bodies that are no jobs, with their places', async () => {
    const bodies = [bot, { ...nightly, color: 'red' }, 7];
    await expect(explainPlanRequest(alpha, bodies, deps)).rejects.toMatchObject({
      code: 'job.invalid',
      problems: expect.arrayContaining([
        expect.stringMatching(/^jobs\[1\]: .*color/),
        expect.stringMatching(/^jobs\[2\]: /),
      ]),
    });
  });
});

describe('what a change does to what runs', () => {
  it.each<[string, Partial<ResolvedJob>, Input, string, string]>([
    ['one copy', {}, { cmd: './b' }, 'short_stop', 'One short stop, because it has one copy'],
    ['several copies', { replicas: 3 }, { cmd: './b', replicas: 3 }, 'rolls', 'Rolling'],
    ['from one copy to several', {}, { cmd: './b', replicas: 2 }, 'rolls', 'Rolling'],
    ['from several copies to one', { replicas: 2 }, { cmd: './b' }, 'short_stop', 'One short stop'],
    ['more copies', {}, { replicas: 3 }, 'scales', '2 copies more start; the others run on.'],
    ['fewer copies', { replicas: 2 }, {}, 'scales', 'One copy ends; the others run on.'],
    ['none any more', {}, { replicas: 0 }, 'stops', 'It stops'],
    ['none as before', { replicas: 0 }, { replicas: 0, cmd: './b' }, 'none', 'What runs of it is not touched.'],
    ['some again', { replicas: 0 }, { replicas: 2 }, 'starts', '2 copies start at once.'],
  ])('of a continuous job: %s', async (_title, before, after, effect, words) => {
    deps.view.set('tool-alpha', [botNow(before)]);
    const planned = await only({ ...bot, ...after });
    expect(planned).toMatchObject({ action: 'update', effect });
    expect(planned.message).toContain(words);
  });

  it('of an object of an earlier service is never less than its copies anew', async () => {
    deps.view.set('tool-alpha', [continuousNamed('bot', running)]);
    expect(await only({ ...bot, replicas: 2 })).toMatchObject({ effect: 'rolls' });
  });

  it('of a schedule holds from the next run on', async () => {
    deps.view.set('tool-alpha', [scheduledNamed('nightly')]);
    expect((await only({ ...nightly, cmd: './b' })).message).toBe('It holds from the next run on.');
    deps.view.set('tool-alpha', [{ ...scheduledNamed('nightly'), pods: [makePodFacts()] }]);
    expect((await only({ ...nightly, cmd: './b' })).message).toContain('The run that goes on ends as it began.');
  });

  it('of a schedule that is suspended, or goes on, says so, and no times of what starts no run', async () => {
    const suspending = await only({ ...nightly, suspend: { note: 'the wiki moves' } });
    expect(suspending).toMatchObject({ action: 'create', effect: 'suspends', next_schedules: [] });
    expect(suspending.message).toBe('It is suspended: no run starts until it is resumed.');
    const until = '2126-03-02T08:00:00Z';
    expect((await only({ ...nightly, suspend: { until } })).message).toBe(
      `It is suspended: no run starts until ${until}.`,
    );
    const before = scheduledNamed('nightly');
    deps.view.set('tool-alpha', [before]);
    expect(await only({ ...nightly, suspend: true })).toMatchObject({
      action: 'update',
      effect: 'suspends',
      changes: [{ field: 'suspend', from: null, to: true }],
    });
    const status = { ...before.object.status, suspended: true };
    const job = before.object.job && { ...before.object.job, suspend: {} };
    deps.view.set('tool-alpha', [{ ...before, object: { ...before.object, job, status } }]);
    const resuming = await only(nightly);
    expect(resuming).toMatchObject({ effect: 'resumes', changes: [{ field: 'suspend', from: true, to: null }] });
    expect(resuming.next_schedules).toHaveLength(5);
  });

  it('of a schedule that a command has suspended leaves it so, and says how it goes on', async () => {
    const before = scheduledNamed('nightly');
    const object = { ...before.object, status: { ...before.object.status, suspended: true } };
    deps.view.set('tool-alpha', [{ ...before, object }]);
    const words = "It stays suspended: 'resume nightly' lets it go on.";
    expect(await only(nightly)).toMatchObject({ action: 'unchanged', message: words });
    expect((await only({ ...nightly, cmd: './b' })).message).toBe(`It holds from the next run on. ${words}`);
  });

  it('of a schedule that a command has suspended is none where it is asked for as it was dumped', async () => {
    const before = scheduledNamed('nightly');
    const suspension = {
      since: 0,
      by: 'owner',
      note: 'moves',
      until: Date.parse('2026-03-02T08:00:00Z'),
      resumedAt: undefined,
    } as const;
    const object = { ...before.object, suspension, status: { ...before.object.status, suspended: true } };
    deps.view.set('tool-alpha', [{ ...before, object }]);
    const dumped = { ...nightly, suspend: { note: 'moves', until: '2026-03-02T08:00:00Z' } };
    expect(await only(dumped)).toMatchObject({ action: 'unchanged' });
    expect((await only({ ...dumped, cmd: './b' })).changes).toMatchObject([{ field: 'cmd' }]);
    for (const suspend of [true, { note: 'moves' }, { note: 'other', until: '2026-03-02T08:00:00Z' }])
      expect((await only({ ...dumped, suspend })).changes).toMatchObject([{ field: 'suspend' }]);
  });

  it('of a type ends what it was', async () => {
    deps.view.set('tool-alpha', [botNow()]);
    const planned = await only({ ...nightly, name: 'bot' });
    expect(planned).toMatchObject({ action: 'update', effect: 'moves' });
    expect(planned.message).toContain('then the continuous one is ended');
    expect(planned.changes).toContainEqual({ field: 'job_type', from: 'continuous', to: 'scheduled' });
  });

  it('of a deletion says whether something runs', async () => {
    deps.view.set('tool-alpha', [{ ...scheduledNamed('nightly'), pods: [makePodFacts()] }, botNow({ replicas: 0 }, 0)]);
    const { jobs } = await shown([], { prune: true });
    expect(jobs.map(({ message }) => message)).toEqual(['The run that goes on is ended.', 'Nothing of it runs now.']);
  });
});

describe('the order of what is done', () => {
  it('is: what makes room, then everything else as it stands in the file', async () => {
    deps.view.set('tool-alpha', [
      scheduledNamed('nightly'),
      scheduledNamed('old'),
      botNow({ replicas: 3 }),
      continuousNamed('moving', running),
      continuousNamed('growing', running),
    ]);
    const jobs = [
      { ...nightly, name: 'novel' },
      { ...bot, name: 'growing', memory: '2Gi' },
      { ...nightly, name: 'moving' },
      { ...bot, replicas: 1 },
      { ...nightly, cmd: './b' },
    ];
    expect(await actions(jobs, { prune: true })).toEqual([
      'delete old',
      'update bot',
      'update moving',
      'create novel',
      'update growing',
      'update nightly',
    ]);
  });
});

describe('the quota afterwards', () => {
  const hard = {
    pods: '4',
    'count/jobs.batch': '2',
    'limits.cpu': '2',
    'limits.memory': '2Gi',
    'count/cronjobs.batch': '1',
    'count/deployments.apps': '2',
  };
  const used = {
    pods: '1',
    'limits.cpu': '500m',
    'limits.memory': '512Mi',
    'count/cronjobs.batch': '1',
    'count/deployments.apps': '1',
  };
  const table = async (jobs: readonly Input[], changes: Partial<PlanRequest> = {}) =>
    Object.fromEntries((await shown(jobs, changes)).quota.map(({ name, after, fits }) => [name, `${after} ${fits}`]));

  beforeEach(() => {
    deps.quotas = [{ status: { hard, used } }];
    deps.live = { ...deps.live, defaultCpuLimit: '0.5' };
    deps.view.set('tool-alpha', [scheduledNamed('nightly'), botNow()]);
  });

  it('is as before where nothing changes', async () => {
    expect(await table([bot, nightly])).toEqual({
      'Total running jobs at once (Kubernetes pods)': '1 true',
      'Running one-off and cron jobs': '0 true',
      CPU: '0.5 true',
      Memory: '0.5Gi true',
      'Cron jobs': '1 true',
      'Continuous jobs (including web services)': '1 true',
    });
  });

  it('counts what comes and what goes', async () => {
    expect(await table([{ ...bot, replicas: 3, memory: '1Gi', cpu: '1' }], { prune: true })).toMatchObject({
      'Total running jobs at once (Kubernetes pods)': '3 true',
      CPU: '3.0 false',
      Memory: '3.0Gi false',
      'Cron jobs': '0 true',
    });
    const once = { ...nightly, name: 'once', schedule: undefined };
    expect(await table([once])).toMatchObject({
      'Total running jobs at once (Kubernetes pods)': '2 true',
      'Running one-off and cron jobs': '1 true',
    });
  });

  it('counts copies that the cluster has refused so far, and runs that go on', async () => {
    const nightlyRuns = { ...scheduledNamed('nightly'), runs: [makeRun()], pods: [makePodFacts()] };
    deps.view.set('tool-alpha', [nightlyRuns, botNow({ replicas: 4 }, 0)]);
    expect(await table([])).toMatchObject({
      'Total running jobs at once (Kubernetes pods)': '5 false',
      'Running one-off and cron jobs': '0 true',
    });
  });

  it('that has no room for one copy more keeps copies from being replaced', async () => {
    deps.view.set('tool-alpha', [botNow({ replicas: 2 })]);
    const rolled = (changes: Input) => only({ ...bot, cmd: './b', replicas: 2, ...changes });
    expect((await rolled({})).warnings).toEqual([]);
    const { effect, warnings } = await rolled({ replicas: 3, memory: '700Mi' });
    expect({ effect, warnings }).toEqual({
      effect: 'rolls',
      warnings: [expect.stringContaining('no room for the one copy more that comes before an old one goes (Memory)')],
    });
    expect((await rolled({ replicas: 1, memory: '2Gi' })).warnings).toEqual([]);
    expect((await rolled({ replicas: 4 })).warnings).toEqual([]);
  });

  it('is a problem where the cluster would refuse objects, and only there', async () => {
    expect((await shown([{ ...bot, memory: '9Gi' }])).problems).toEqual([]);
    const second = { ...nightly, name: 'second' };
    expect((await shown([second])).problems).toEqual([
      'The quota has no room for second: Cron jobs: 2 would be needed, of 1. Delete what is not needed, or ask for more.',
    ]);
    expect((await shown([second], { prune: true })).problems).toEqual([]);
    deps.quotas = [{ status: { hard: { ...hard, 'count/cronjobs.batch': '0' }, used } }];
    expect((await shown([{ ...nightly, cmd: './b' }])).problems).toEqual([]);
  });

  it('is a problem of jobs that change their types into one another while both are full', async () => {
    const full = { ...used, 'count/deployments.apps': '2' };
    deps.quotas = [{ status: { hard, used: full } }];
    const swapped = [
      { ...bot, name: 'nightly' },
      { ...nightly, name: 'bot' },
    ];
    expect((await shown(swapped)).problems).toEqual([
      expect.stringContaining(
        'no room for nightly: Continuous jobs (including web services): 3 would be needed, of 2.',
      ),
    ]);
    deps.quotas = [{ status: { hard, used } }];
    expect((await shown(swapped)).problems).toEqual([]);
  });

  it('is none where it is over already, and nothing is made', async () => {
    deps.quotas = [{ status: { hard: { ...hard, 'count/cronjobs.batch': '0' }, used } }];
    expect((await shown([{ ...nightly, cmd: './b' }])).problems).toEqual([]);
  });
});

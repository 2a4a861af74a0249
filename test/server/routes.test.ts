import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventsOf, linesOf } from '../../bin/client/stream-text.ts';
import type { JobSnapshot } from '../../src/domain.ts';
import { fromKubeStatus } from '../../src/kube.ts';
import { createDialectOf, registerRoutes } from '../../src/server/register-routes.ts';
import type { Route } from '../../src/server/routes/route.ts';
import { createRoutes } from '../../src/server/routes.ts';
import { createStreams } from '../../src/server/streams.ts';
import { parseSettings } from '../../src/settings.ts';
import type { Issued } from '../support/certs.ts';
import { makePodFacts, makeSnapshot, now } from '../support/facts.ts';
import { makeCronJobObject } from '../support/make.ts';
import { makeWebhook } from '../support/webhooks.ts';
import { continuousNamed, jobNamed, type ScriptedDeps, scriptDeps } from './scripted-deps.ts';
import { type Answer, ask, client, startServer, type TestServer, wideStreams } from './start-server.ts';

let deps: ScriptedDeps;
let routes: Route[];
let server: TestServer;
let identity: Issued;

beforeAll(async () => {
  deps = scriptDeps();
  routes = createRoutes(deps);
  server = await startServer({
    routes: (app) =>
      registerRoutes(app, {
        routes,
        version: '1.2.3',
        streams: createStreams(wideStreams),
        freshness: () => deps.jobs.freshness(),
        now: () => deps.now(),
      }),
    dialectOf: createDialectOf(),
  });
  identity = client(server);
});
afterAll(() => server.stop());

beforeEach(() => {
  deps.view.clear();
  deps.view.set('tool-alpha', [jobNamed('demo')]);
  deps.view.set('tool-beta', [jobNamed('theirs', 'beta', 'echo secret')]);
  deps.asked.length = 0;
  // Every test has a second of its own, so that none is answered with the list of another.
  deps.clock += 1_000;
  deps.freshness = { synced: true, live: true, asOf: now };
  deps.created = undefined;
  deps.stored.set('CronJob/demo', makeCronJobObject());
  deps.podLog = async () =>
    (async function* () {
      yield Buffer.from('2026-03-01T12:00:05.123456789Z hello\n');
    })();
});

const send = (method: string, path: string, body?: unknown, type = 'application/json') =>
  ask(server, {
    identity,
    method,
    path,
    ...(body === undefined
      ? {}
      : { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': type } }),
  });
const json = ({ text }: Answer) => JSON.parse(text) as unknown;
/** An answer that goes on is described by its pieces. */
async function piecesOf({ answerType }: Route, answer: Answer): Promise<unknown[]> {
  if (answerType === undefined) return [json(answer)];
  const bytes = (async function* () {
    yield Buffer.from(answer.text);
  })();
  const pieces: unknown[] = [];
  if (answerType === 'text/event-stream')
    for await (const { data, ...event } of eventsOf(bytes)) pieces.push({ ...event, data: JSON.parse(data) });
  else for await (const line of linesOf(bytes)) pieces.push(JSON.parse(line));
  return pieces;
}

const pathOf = ({ path }: Route) =>
  path.replace(':tool', 'alpha').replace(':name', 'demo').replace(':run', makePodFacts().uid);
const newJob = { name: 'new', cmd: './run.sh', imagename: 'python3.11' };
/** What a route takes that takes something. */
function bodyOf({ path, body }: Route): object | undefined {
  if (path.endsWith('/webhook')) return body ? { url: makeWebhook().url } : undefined;
  if (path.endsWith('/plan')) return { jobs: [newJob] };
  if (path.endsWith('/suspend')) return { note: 'the wiki moves' };
  if (path.endsWith('/:name/run')) return {};
  return body ? newJob : undefined;
}
/** A job that the route is for. */
function jobOf({ path }: Route): JobSnapshot {
  if (path.includes('/restart')) return continuousNamed('demo');
  return /:name\/(?:suspend|resume|run)$/.test(path)
    ? makeSnapshot({ kind: 'CronJob', state: 'waiting' })
    : jobNamed('demo');
}
const jobs = '/v1/tool/alpha/jobs';

const table = createRoutes(scriptDeps()).map(({ method, path }, index) => [`${method} ${path}`, index] as const);

describe('every route', () => {
  it.each(table)('%s answers as its schema says, with a slash at the end and without', async (_name, index) => {
    const route = routes[index] as Route;
    const bare = pathOf(route).replace(/\/$/, '');
    for (const path of [bare, `${bare}/`]) {
      deps.view.set('tool-alpha', [{ ...jobOf(route), pods: [makePodFacts()] }]);
      deps.keptWebhooks.set('alpha', makeWebhook());
      const answer = await send(route.method, path, bodyOf(route));
      if (route.slash === 'redirect' && !path.endsWith('/')) {
        expect([answer.status, answer.headers.location]).toEqual([308, `${path}/`]);
        continue;
      }
      expect([path, answer.status]).toEqual([path, route.status]);
      expect(answer.headers['content-type']).toBe(route.answerType ?? 'application/json; charset=utf-8');
      for (const piece of await piecesOf(route, answer)) expect(route.answer.safeParse(piece).error).toBeUndefined();
      expect(answer.text).not.toMatch(/theirs|echo secret/);
    }
  });

  it.each(table.filter(([name]) => name.includes(':tool')))(
    '%s is of the tool of the certificate',
    async (_, index) => {
      const route = routes[index] as Route;
      for (const tool of ['beta', 'ALPHA', 'alpha%20', 'constructor']) {
        const path = route.path.replace(':tool', tool).replace(':name', 'theirs');
        const answer = await send(route.method, path, bodyOf(route));
        expect([answer.status, json(answer)]).toMatchObject([403, { code: 'caller.forbidden', id: 'TJF-A003' }]);
        expect(answer.text).not.toContain('echo secret');
      }
      expect(deps.asked).toEqual([]);
    },
  );
});

describe('a canonical body of a wrong shape', () => {
  it('is answered with all of its problems, each in words', async () => {
    const wrong = { name: 5, cmd: [], imagename: '', filelog: 'yes', retry: 9, emails: 'daily', colour: 'blue' };
    const answer = await send('POST', jobs, wrong);
    expect(answer.status).toBe(400);
    const { error, code } = json(answer) as { error: string[]; code: string };
    expect(code).toBe('job.invalid');
    for (const field of Object.keys(wrong)) {
      expect(error.filter((problem) => problem.includes(field === 'imagename' ? 'image' : field))).not.toEqual([]);
    }
    expect(deps.asked).toEqual([]);
  });

  it.each([['[]'], ['5'], ['"text"'], ['{}'], ['null'], ['']])('%j names what a job needs', async (body) => {
    const answer = await send('POST', jobs, body);
    expect(answer.status).toBe(400);
    expect((json(answer) as { error: string[] }).error.length).toBeGreaterThanOrEqual(3);
  });

  it('of a plan names the job of each problem', async () => {
    const path = '/v1/tool/alpha/plan';
    const answer = await send('POST', path, { jobs: [newJob, { ...newJob, retry: 9, colour: 'blue' }] });
    expect([answer.status, json(answer)]).toMatchObject([400, { code: 'job.invalid' }]);
    const { error } = json(answer) as { error: string[] };
    expect(error).toEqual([
      expect.stringMatching(/^jobs\[1\]: .*colour/),
      expect.stringMatching(/^jobs\[1\]: .*retry/),
    ]);
    const many = await send('POST', path, { jobs: Array.from({ length: 900 }, () => ({})) });
    expect((json(many) as { error: string[] }).error.length).toBeLessThan(110);
    const tooMany = await send('POST', path, { jobs: Array.from({ length: 1_001 }, () => ({})) });
    expect([tooMany.status, json(tooMany)]).toMatchObject([
      400,
      { code: 'request.invalid', fields: { field: 'jobs' } },
    ]);
    const none = await send('POST', path, { jobs: 7 });
    expect([none.status, json(none)]).toMatchObject([400, { code: 'request.invalid' }]);
    const both = await send('POST', path, { jobs: [newJob], operation: 'run', prune: true });
    expect([both.status, json(both)]).toMatchObject([400, { fields: { field: 'prune' } }]);
  });

  it('is told apart from a query of a wrong shape', async () => {
    const answer = await send('GET', `${jobs}?include_unset=maybe`);
    expect([answer.status, json(answer)]).toMatchObject([400, { code: 'request.invalid' }]);
    expect(answer.text).toContain('include_unset');
  });
});

describe('a canonical answer', () => {
  it('about a webhook says so where nothing is sent to any', async () => {
    const before = deps.live;
    deps.live = parseSettings({ webhooks: 'no' }).settings;
    const answer = await send('GET', '/v1/tool/alpha/webhook');
    deps.live = before;
    expect(json(answer)).toMatchObject({ messages: { warning: [expect.stringContaining('switched webhooks off')] } });
  });

  it('holds what was created, and a list straight afterwards shows it', async () => {
    expect(json(await send('GET', jobs))).toMatchObject({ jobs: [{ name: 'demo' }] });
    const created = await send('POST', jobs, newJob);
    expect([created.status, json(created)]).toMatchObject([201, { job: { name: 'new' } }]);
    expect(json(await send('GET', jobs))).toMatchObject({ jobs: [{ name: 'demo' }, { name: 'new' }] });
  });

  it('holds all that is known, or only what was set', async () => {
    const keysWith = async (query: string) => {
      const { job } = json(await send('GET', `${jobs}/demo${query}`)) as { job: object };
      const list = json(await send('GET', `${jobs}${query}`)) as { jobs: object[] };
      expect(Object.keys(list.jobs[0] ?? {})).toEqual(Object.keys(job));
      return Object.keys(job);
    };
    const all = await keysWith('');
    for (const value of ['true', 'True', '1']) expect(await keysWith(`?include_unset=${value}`)).toEqual(all);
    for (const value of ['false', 'False', '0']) {
      expect(await keysWith(`?include_unset=${value}`)).not.toContain('status_short');
    }
    expect(all).toContain('status_short');
  });

  it('holds what jobs were as bodies that make them so again', async () => {
    const definition = {
      name: 'web',
      type: 'continuous',
      cmd: './web',
      image: 'python3.11',
      memory: '512Mi',
      port: 80,
      healthCheck: { type: 'http', path: '/ok' },
    } as const;
    deps.keptFormer.set('alpha', [{ at: deps.clock, reason: 'deleted', definition }]);
    const { former } = json(await send('GET', '/v1/tool/alpha/former')) as { former: { job: unknown }[] };
    expect(former).toMatchObject([{ reason: 'deleted', job: { name: 'web', continuous: true, memory: '512Mi' } }]);
    deps.created = async (object) => ({ ...object, kind: 'Deployment' });
    const made = await send('PATCH', jobs, former[0]?.job);
    expect([made.status, json(made)]).toMatchObject([200, { job_changed: true }]);
    const created = deps.asked.find(([what]) => what === 'create')?.[3] as { metadata: { annotations: object } };
    expect(JSON.stringify(created.metadata.annotations)).toContain('\\"memory\\":\\"512Mi\\"');
  });

  it('says how old it is while the view is cut off', async () => {
    deps.freshness = { synced: true, live: false, asOf: deps.clock - 90_000 };
    const answer = await send('GET', jobs);
    expect(answer.headers).toMatchObject({ age: '90', warning: '110 - "Response is Stale"' });
    expect(json(answer)).toMatchObject({ messages: { warning: [expect.stringContaining('90 s ago')] } });
    deps.freshness = { synced: true, live: true, asOf: deps.clock };
    const { headers } = await send('GET', jobs);
    expect([headers.age, headers.warning]).toEqual([undefined, undefined]);
  });

  it('is 503 with the time to come again before the view is complete', async () => {
    deps.freshness = { synced: false, live: false, asOf: 0 };
    for (const path of [jobs, `${jobs}/demo`]) {
      const answer = await send('GET', path);
      expect([answer.status, answer.headers['retry-after'], json(answer)]).toMatchObject([
        503,
        '1',
        { code: 'view.not_ready' },
      ]);
      // There is nothing yet that could be old.
      expect(answer.headers.age).toBeUndefined();
    }
  });

  it('never holds the words of Kubernetes', async () => {
    deps.created = () => Promise.reject(fromKubeStatus(422, { message: 'words of the server' }));
    const canonical = await send('POST', jobs, newJob);
    const seed = await send('POST', '/api/v1/run/', newJob);
    const october = await send('POST', '/jobs/api/v1/jobs/', newJob);
    expect([canonical.status, seed.status, october.status]).toEqual([502, 502, 502]);
    expect(canonical.text + seed.text + october.text).not.toContain('words of the server');
  });
});

describe('clients of October 2023', () => {
  const october = '/jobs/api/v1';

  it('get the job that they created, and lists that show it', async () => {
    const created = await send('POST', `${october}/jobs/`, { ...newJob, memory: '1Gi' });
    expect([created.status, json(created)]).toMatchObject([201, { name: 'new', mount: 'all', filelog: 'False' }]);
    expect(deps.asked.find(([what]) => what === 'create')?.[3]).toMatchObject({
      metadata: { labels: { 'toolforge.org/mount-storage': 'all' } },
    });
    expect(json(await send('GET', `${october}/list/`))).toMatchObject([{ name: 'demo' }, { name: 'new' }]);
  });

  it('are sent to the path with a slash at its end, with their query', async () => {
    const answer = await send('GET', `${october}/jobs?a=1&b=//evil.example.org`);
    expect([answer.status, answer.headers.location]).toEqual([308, `${october}/jobs/?a=1&b=//evil.example.org`]);
  });

  it('read errors as they know them', async () => {
    const post = (changes: object) => send('POST', `${october}/jobs/`, { ...newJob, ...changes });
    deps.created = () => Promise.reject(fromKubeStatus(403, { message: 'exceeded quota: theirs' }));
    const full = await post({});
    deps.created = undefined;
    const answers = [
      full,
      await post({ imagename: 'nothing-like-it' }),
      await post({ name: 'demo' }),
      await post({ schedule: '1 2 3 4' }),
      await send('POST', `${october}/jobs/demo/restart`),
      await send('GET', `${october}/jobs/missing`),
      await send('DELETE', `${october}/jobs/missing`),
      await send('GET', `${october}/jobs/Not_A_Name`),
      await send('GET', `${october}/nothing`),
    ];
    expect(answers.map((answer) => [answer.status, json(answer)])).toEqual(
      [
        [400, 'Out of quota for this kind of job. Please see https://w.wiki/6YLP for details.'],
        [400, "No such image 'nothing-like-it'"],
        [409, 'A job with the same name exists already'],
        [400, "Unable to parse cron expression '1 2 3 4' (Expected to find 5 space-separated values, found 4)"],
        [400, 'Unable to restart a single job'],
        [404, "Job 'missing' does not exist"],
        [404, "Job 'missing' does not exist"],
        [400, 'Invalid job name. See the documentation for the naming rules: https://w.wiki/6YL8'],
        [404, expect.any(String)],
      ].map(([status, message]) => [status, { message, data: {} }]),
    );
  });

  it('post JSON; a form is refused in their form', async () => {
    const answer = await send('POST', `${october}/jobs/`, 'name=x', 'application/x-www-form-urlencoded');
    expect([answer.status, json(answer)]).toEqual([400, { message: expect.any(String), data: {} }]);
  });
});

describe('the first clients', () => {
  const form = 'application/x-www-form-urlencoded';

  it.each([
    ['a form', '', new URLSearchParams(newJob).toString(), form],
    ['JSON', '', JSON.stringify(newJob), 'application/json'],
    ['a query', `?${new URLSearchParams(newJob)}`, undefined, ''],
    ['both, of which the body wins', '?name=other', new URLSearchParams(newJob).toString(), form],
  ])('create with %s', async (_what, query, body, type) => {
    const answer = await send('POST', `/api/v1/run/${query}`, body, type);
    expect([answer.status, answer.text]).toEqual([200, '201\n']);
    expect(deps.jobs.find('tool-alpha', 'new')).toBeDefined();
  });

  it('read errors as they know them', async () => {
    const post = (changes: object) => send('POST', '/api/v1/run/', { ...newJob, ...changes });
    const answers = [
      await post({ imagename: 'nothing-like-it' }),
      await post({ name: 'demo' }),
      await post({ retry: '9' }),
      await send('GET', '/api/v1/show/missing'),
      await send('DELETE', '/api/v1/delete/missing'),
      await send('GET', '/api/v1/nothing'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 409, 400, 404, 200, 404]);
    expect(answers.map(({ text }) => text)).toEqual([
      '"Invalid container type"\n',
      '"HTTP 409: a job with the same name exists already"\n',
      expect.stringMatching(/^"ERROR: .*retry/),
      '{}\n',
      '""\n',
      expect.stringMatching(/^".*"\n$/),
    ]);
  });

  it('are told of a deletion that failed', async () => {
    deps.removed = () => Promise.reject(fromKubeStatus(503, {}));
    expect((await send('DELETE', '/api/v1/delete/demo')).status).toBe(503);
    deps.removed = undefined;
  });
});

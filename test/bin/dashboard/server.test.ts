import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startDashboard } from '../../../bin/dashboard/server.ts';
import { AppError } from '../../../src/errors.ts';
import { type ScriptedTool, said, startScriptedTool } from '../../support/scripted-tool.ts';

let tool: ScriptedTool;
beforeEach(async () => {
  tool = await startScriptedTool();
});
afterEach(() => tool.stop());

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const own = () => new URL(tool.dashboard.address);

/** The first piece of an answer is enough where it has no end. */
function get(path: string, { method = 'GET', headers = {} }: Sent = {}): Promise<Got> {
  const { hostname, port, host } = own();
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, path, method, headers: { host, ...headers } }, (incoming) => {
      let text = '';
      const done = () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
      incoming.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        if (incoming.headers['content-type'] !== 'text/event-stream') return;
        done();
        outgoing.destroy();
      });
      incoming.on('end', done);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** @returns the cookie that whoever came in with the address sends from then on */
async function enter(): Promise<string> {
  const { headers } = await get(`${own().pathname}${own().search}`);
  return headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}

const inside = async (path: string, sent: Sent = {}) =>
  get(path, { ...sent, headers: { cookie: await cookieOnce(), ...sent.headers } });
let cookie: Promise<string> | undefined;
const cookieOnce = () => {
  cookie ??= enter();
  return cookie;
};
afterEach(() => {
  cookie = undefined;
});

describe('the address of the dashboard', () => {
  it('lets in once, with a cookie that no script and no other page has', async () => {
    const first = await get(`${own().pathname}${own().search}`);
    expect(first.status).toBe(200);
    expect(first.headers['set-cookie']).toEqual([
      expect.stringMatching(new RegExp(`^toolforge-jobs-${own().port}=[\\w-]{43}; HttpOnly; SameSite=Strict; Path=/$`)),
    ]);
    const second = await get(`${own().pathname}${own().search}`);
    expect(second.status).toBe(403);
    expect(second.headers['set-cookie']).toBeUndefined();
    expect(second.text).toContain('used already');
    expect(tool.secondUses).toBe(1);
  });

  it('is not given away by wrong guesses', async () => {
    for (const guess of ['', '?token=', '?token=x', `?token=${'a'.repeat(43)}`, `${own().search}x`])
      expect((await get(`/enter${guess}`)).status).toBe(403);
    expect(await enter()).not.toBe('');
  });

  it('is on a loopback address only', async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((one) => one && !one.internal && one.family === 'IPv4');
    if (!outside) return;
    const socket = connect(Number(own().port), outside.address);
    const [outcome] = await new Promise<string[]>((resolve) => {
      socket.once('connect', () => resolve(['connected']));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve([error.code ?? '']));
    });
    socket.destroy();
    expect(outcome).toBe('ECONNREFUSED');
  });

  it('is refused in words where its port is in use', async () => {
    const port = Number(own().port);
    const following = { signal: new AbortController().signal, sleep: async () => {} };
    const again = startDashboard({ client: {} as never, tool: 'x', port, following, onSecondUse() {} });
    await expect(again).rejects.toMatchObject({
      code: 'usage.invalid',
      message: expect.stringContaining('somebody uses it already'),
    });
  });
});

describe('whoever has not come in by the address', () => {
  const paths = ['/', '/page.js', '/style.css', '/api/jobs', '/api/events', '/api/tool', '/nothing'];

  it('sees nothing, with no cookie or a wrong one', async () => {
    await enter();
    for (const path of paths) {
      const wrong = { cookie: `toolforge-jobs-${own().port}=${'a'.repeat(43)}` };
      for (const headers of [{}, wrong]) expect((await get(path, { headers })).status).toBe(403);
    }
    expect(tool.asked).toEqual([]);
  });
});

describe('a page of somebody else', () => {
  it('reaches nothing under another name that leads here', async () => {
    const { port } = own();
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:${Number(port) + 1}`])
      for (const path of ['/', '/api/jobs', `${own().pathname}${own().search}`])
        expect((await inside(path, { headers: { host } })).status).toBe(421);
    expect((await inside('/api/jobs', { headers: { host: `localhost:${port}` } })).status).toBe(200);
  });

  it('gets nothing, even with the cookie', async () => {
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${Number(own().port) + 1}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ])
      expect((await inside('/api/jobs', { headers })).status).toBe(403);
    expect(tool.asked).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('changes nothing, whatever is asked of it', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
      for (const path of ['/api/jobs', '/api/jobs/bot', '/api/jobs/bot/restart', '/'])
        expect((await inside(path, { method })).status).toBe(405);
    expect(tool.asked).toEqual([]);
  });

  it('asks the service for these things and nothing else', async () => {
    for (const [path, asked] of [
      ['/api/jobs', '/jobs'],
      ['/api/jobs/bot', '/jobs/bot'],
      ['/api/jobs/bot/runs', '/jobs/bot/runs'],
      ['/api/jobs/bot/output', 'logs of bot {"lines":200}'],
      ['/api/jobs/bot/output?run=a%26b', 'logs of bot {"lines":200,"run":"a&b"}'],
      ['/api/mail', '/mail-log?limit=200'],
      ['/api/mail?job=a%26b&limit=9', '/mail-log?job=a%26b&limit=200'],
      ['/api/quota', '/quotas'],
    ] as const) {
      await inside(path);
      expect(tool.asked.splice(0)).toEqual([asked]);
    }
    for (const path of [
      '/api',
      '/api/',
      '/api/images',
      '/api/jobs/',
      '/api/jobs/bot/restart',
      '/api/jobs/bot/runs/1',
      '/api/jobs/..%2f..%2fother/runs',
      '/api/jobs/%2e%2e/runs',
      '/api/jobs/.',
      '/page/../../package.json',
      '/tsconfig.json',
      '//evil.example/api/jobs',
      'http://evil.example/api/jobs',
    ])
      expect([path, (await inside(path)).status]).toEqual([path, 404]);
    expect(tool.asked).toEqual([]);
  });

  it('runs nothing that is not a file of its own, and is held by no other page', async () => {
    const { headers } = await inside('/');
    const policy = headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("require-trusted-types-for 'script'");
    expect(policy).not.toMatch(/unsafe|\*|http|data:/);
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  it('says in words what the service has refused', async () => {
    tool.answers.set('/jobs', new AppError('service.unreachable', 'The service could not be reached.'));
    const { status, text } = await inside('/api/jobs');
    expect([status, JSON.parse(text)]).toEqual([
      502,
      { error: 'The service could not be reached.', code: 'service.unreachable' },
    ]);
  });

  it('shows what would hide in a text, or turn it around, as escapes', async () => {
    tool.answers.set('/jobs', said({ jobs: [{ name: 'x', cmd: 'a\u202eb\x1b[2J\nc' }] }));
    const { text } = await inside('/api/jobs');
    expect(JSON.parse(text).jobs[0].cmd).toBe('a\\u202eb\\x1b[2J\nc');
  });

  it('takes output that is not there, or cannot be read, for no failure', async () => {
    const { status, text } = await inside('/api/jobs/bot/output');
    expect([status, JSON.parse(text)]).toEqual([200, { lines: [], trouble: null }]);
    const unreadable = await inside('/api/jobs/locked/output');
    expect([unreadable.status, JSON.parse(unreadable.text)]).toEqual([200, { lines: [], trouble: 'It is locked.' }]);
  });

  it('tells each page how the connection to the service is', async () => {
    const { text, headers } = await inside('/api/events');
    expect(headers['content-type']).toBe('text/event-stream');
    expect(text).toMatch(/^retry: 1000\n\nevent: connection\ndata: \{"trouble":/);
  });
});

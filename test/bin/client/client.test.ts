import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cut,
  makeHome,
  noMessages,
  runMain,
  type Service,
  startService,
  strangersCa,
  strangersCert,
} from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const list = (env: Record<string, string> = {}, ...words: string[]) =>
  runMain(['list', ...words], { env: { ...service.env, ...env } });

describe('a request of the command line', () => {
  it("shows the tool's certificate and asks under the tool's path", async () => {
    service.script({ body: { jobs: [], messages: noMessages } });
    expect(await list()).toMatchObject({ code: 0 });
    expect(service.requests).toMatchObject([{ method: 'GET', path: '/jobs/v1/tool/quick/jobs', caller: 'quick' }]);
    expect(service.requests[0]?.headers['user-agent']).toMatch(/^tool-quick@\S*:jobs-cli toolforge-jobs\/\d/);
  });

  it('goes to the address that settings name, and still to nobody but the one it was meant for', async () => {
    service.script({ body: { jobs: [], messages: noMessages } });
    const { port } = new URL(service.url);
    const file = join(service.home, 'address.yaml');
    const to = (name: string) => {
      writeFileSync(file, `customaddr: 127.0.0.1\ncustomfqdn: ${name}\n`);
      return list({ TOOL_TOOLFORGE_API_URL: `https://${name}:${port}` }, '--cfg', file);
    };
    expect(await to('localhost')).toMatchObject({ code: 0 });
    const other = await to('jobs.invalid');
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('could not prove that it is the service') });
    expect(service.requests).toHaveLength(1);
  });

  it('is not sent to a server that cannot prove who it is', async () => {
    service.script({ body: { jobs: [], messages: noMessages } });
    const file = join(service.home, 'stranger.yaml');
    writeFileSync(join(service.home, 'stranger.pem'), strangersCa());
    writeFileSync(file, `jobs:\n  ca_file: ${join(service.home, 'stranger.pem')}\n`);
    for (const env of [{}, { NODE_TLS_REJECT_UNAUTHORIZED: '0' }]) {
      const ran = await withProcessEnv(env, () => list({}, '--cfg', file));
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toContain('could not prove that it is the service');
    }
    expect(service.requests).toEqual([]);
  });

  it('is not made with a certificate that does not fit its key', async () => {
    const home = makeHome({ url: service.url, ca: service.ca, cert: strangersCert(), key: 'no key' });
    const ran = await runMain(['list'], { env: { HOME: home } });
    rmSync(home, { recursive: true });
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain(
      'The client certificate of your kubeconfig and its key cannot be used: the key cannot be read.',
    );
    expect(ran.stderr).toContain('(TJF-X010)');
  });

  it.each(['', '.', '..', 'a/b', '../jobs', '%2e', 'a?b', '-x', 'ü', 'a\n'])(
    'is not made for a job named %j: its path would be another',
    async (name) => {
      service.script({ body: { messages: noMessages } });
      for (const verb of ['show', 'delete']) {
        const ran = await runMain([verb, '--', name], { env: service.env });
        expect(ran.code).toBe(1);
        expect(ran.stderr).toContain('does not exist (TJF-V011)');
      }
      expect(service.requests).toEqual([]);
    },
  );

  it('that is cut off says whether anything can have changed', async () => {
    service.script({ body: cut });
    expect((await list()).stderr).toContain('broke off (ECONNRESET). Nothing was changed');
    const ran = await runMain(['flush'], { env: service.env });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('It is not known whether anything was changed');
  });

  it('waits no longer than the settings say', async () => {
    const mute = createServer();
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const address = mute.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const file = join(service.home, 'short.yaml');
    writeFileSync(file, 'jobs:\n  timeout: 0.05\n');
    const ran = await list({ TOOL_TOOLFORGE_API_URL: `https://127.0.0.1:${port}` }, '--cfg', file);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('did not answer within 0.05 s. Nothing was changed');
    mute.close();
  });

  it('to nobody says so', async () => {
    const ran = await list({ TOOL_TOOLFORGE_API_URL: 'https://127.0.0.1:1' });
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.stderr).toContain('The service at 127.0.0.1:1 could not be reached (ECONNREFUSED). Nothing was changed');
  });

  it.each([['nonsense'], [{ jobs: 'x' }], [[1]], ['null']])(
    'that is answered with %j is not guessed at',
    async (body) => {
      service.script({ body });
      const ran = await list();
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.stderr).toContain('something this program does not understand. (TJF-X021)');
    },
  );
});

/** The few variables that Node itself reads, not the program. */
async function withProcessEnv<T>(env: Record<string, string>, run: () => Promise<T>): Promise<T> {
  Object.assign(process.env, env);
  try {
    return await run();
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
  }
}

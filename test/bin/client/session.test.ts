import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../../bin/client/config.ts';
import { createSession, type Opening, type Session } from '../../../bin/client/session.ts';
import { createAuthority, toolSubject } from '../../support/certs.ts';
import { type ScriptedHarbor, startHarbor } from '../../support/scripted-harbor.ts';
import { noMessages, type Service, startService } from '../scripted-service.ts';

let service: Service;
let session: Session;
const traced: string[] = [];
beforeAll(async () => {
  service = await startService();
  session = createSession({
    config: { ...(await readConfig(service.env)), timeoutMs: 2_000 },
    version: '1',
    signal: new AbortController().signal,
    onMessages() {},
    trace: (line) => traced.push(line),
  });
});
afterAll(async () => {
  session.close();
  await service.close();
});

async function textOf(pieces: AsyncIterable<Buffer>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece.toString();
  return text;
}

describe('an answer that goes on', () => {
  it('is read piece by piece, on a connection of its own', async () => {
    service.script(
      { body: { jobs: [], messages: noMessages } },
      { body: 'one\ntwo\n' },
      { body: { messages: noMessages } },
    );
    await session.ask('GET', '/jobs');
    expect(await textOf(await session.open('/events', { headers: { 'last-event-id': '7' } }))).toBe('one\ntwo\n');
    await session.ask('GET', '/jobs');
    const [first, opened, last] = service.requests;
    expect(opened).toMatchObject({ method: 'GET', path: '/jobs/v1/tool/quick/events', caller: 'quick' });
    expect(opened?.headers['last-event-id']).toBe('7');
    expect(last?.port).toBe(first?.port);
    expect(opened?.port).not.toBe(first?.port);
    expect(traced.join('\n')).toContain('/events: 200, and goes on');
  });

  it('that is refused says why', async () => {
    service.script({ status: 404, body: { error: ["Job 'a' does not exist"], code: 'job.not_found' } });
    await expect(session.open('/jobs/a/logs')).rejects.toMatchObject({ code: 'job.not_found' });
  });

  describe('of a service that misbehaves', () => {
    let odd: ScriptedHarbor;
    const openAt = async (timeoutMs: number, asked: Opening = {}) => {
      const config = { ...(await readConfig(service.env)), baseUrl: odd.url, ca: Buffer.from(odd.ca), timeoutMs };
      const forever = new AbortController().signal;
      const strange = createSession({ config, version: '1', signal: forever, onMessages() {}, trace() {} });
      return strange.open('/events', asked);
    };
    beforeAll(async () => {
      odd = await startHarbor({});
    });
    afterAll(() => odd.stop());

    it('is not waited for where it never begins', async () => {
      odd.misbehave = () => {};
      await expect(openAt(50)).rejects.toMatchObject({
        code: 'service.unreachable',
        message: expect.stringContaining('did not answer within'),
      });
    });

    it('is a failure where it breaks off', async () => {
      odd.misbehave = (_request, response) => void response.writeHead(200).write('a', () => response.destroy());
      await expect(textOf(await openAt(2_000))).rejects.toMatchObject({
        message: expect.stringContaining('broke off'),
      });
    });

    it('is a failure where it falls silent for longer than is said', async () => {
      odd.misbehave = (_request, response) => void response.writeHead(200).write('a');
      await expect(textOf(await openAt(2_000, { quietMs: 50 }))).rejects.toMatchObject({
        code: 'service.unreachable',
        message: expect.stringContaining('broke off'),
      });
    });

    it('lasts longer than a request may, and ends without an error where it is given up', async () => {
      odd.misbehave = (_request, response) => void response.writeHead(200).write('a');
      const ending = new AbortController();
      let text = '';
      for await (const piece of await openAt(50, { signal: ending.signal })) {
        text += piece;
        setTimeout(() => ending.abort(), 100);
      }
      expect(text).toBe('a');
    });
  });
});

describe('a pair that cannot be used', () => {
  it('is told with what is wrong with it', async () => {
    const config = await readConfig(service.env);
    const around = { version: '1', signal: new AbortController().signal, onMessages() {}, trace() {} };
    const foreign = createAuthority('other').issue({ subject: toolSubject('quick') });
    for (const [changes, words] of [
      [{ cert: Buffer.from('x') }, 'the certificate cannot be read'],
      [{ key: Buffer.from('') }, 'the key cannot be read'],
      [{ key: Buffer.from(foreign.key) }, 'the key is not that of the certificate'],
    ] as const)
      expect(() => createSession({ config: { ...config, ...changes }, ...around })).toThrow(
        expect.objectContaining({ code: 'settings.invalid', message: expect.stringContaining(words) }),
      );
  });
});

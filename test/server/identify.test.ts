import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, type Issued, toolSubject } from '../support/certs.ts';
import { frontVerdict, type IssuedCase, issueCases, renderForFront } from './certificate-cases.ts';
import { ask, askSocket, client, keepAliveAgent, openTls, startServer, type TestServer } from './start-server.ts';

let server: TestServer;
let cases: IssuedCase[];
const noCertificate = 'No required SSL certificate was sent';

beforeAll(async () => {
  server = await startServer();
  cases = issueCases(server.authority);
});
afterAll(() => server.stop());

const statuses = (answers: readonly [string, number, string][]) =>
  answers.map(([name, status, tool]) => `${name} ${status} ${tool}`);
const expected = () => cases.map(({ name, status, tool }) => `${name} ${status} ${tool ?? ''}`);
const toolOf = (text: string) => (JSON.parse(text) as { tool?: string }).tool ?? '';

describe('identity from the connection', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`lets exactly the good ones of 31 certificates through over ${version}`, async () => {
      expect(cases).toHaveLength(31);
      const answers = cases.map(async ({ name, issued }): Promise<[string, number, string]> => {
        const { status, text } = await ask(server, {
          identity: issued,
          tls: { minVersion: version, maxVersion: version },
        });
        return [name, status, toolOf(text)];
      });
      expect(statuses(await Promise.all(answers))).toEqual(expected());
    });
  }

  it('answers every odd subject with the same body', async () => {
    const odd = cases.filter(({ status }) => status === 403);
    const bodies = await Promise.all(odd.map(async ({ issued }) => (await ask(server, { identity: issued })).text));
    expect(new Set(bodies).size).toBe(1);
  });

  it('refuses a certificate that is only for servers', async () => {
    const identity = server.authority.issue({ subject: toolSubject('alpha'), usage: 'server' });
    expect((await ask(server, { identity })).status).toBe(401);
  });

  it('says the same to certificates of an unknown authority, even if it bears the name of ours', async () => {
    const strangers = ['test cluster', 'somebody else'].map((name) =>
      createAuthority(name).issue({ subject: toolSubject('alpha') }),
    );
    const versions = ['TLSv1.2', 'TLSv1.3'] as const;
    const asked = strangers.flatMap((identity) =>
      versions.map((version) => ask(server, { identity, tls: { minVersion: version, maxVersion: version } })),
    );
    const answers = await Promise.all(asked);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });

  it('answers 400 with the known sentence on any path when no certificate is sent', async () => {
    for (const path of ['/who', '/openapi.json', '/healthz', '/nothing']) {
      const { status, text, headers } = await ask(server, { path });
      expect([status, headers['content-type'], headers.connection]).toEqual([400, 'text/html; charset=utf-8', 'close']);
      expect(text).toContain(noCertificate);
    }
  });

  it('refuses on an open connection as soon as the certificate has expired', async () => {
    const agent = keepAliveAgent();
    const identity = server.authority.issue({ subject: toolSubject('alpha'), notAfter: new Date(Date.now() + 60_000) });
    const ports: unknown[] = [];
    agent.on('free', (socket: TLSSocket) => ports.push(socket.localPort));
    expect((await ask(server, { identity, agent })).status).toBe(200);
    server.clock = Date.now() + 61_000;
    const refused = await ask(server, { identity, agent });
    server.clock = Date.now();
    expect([refused.status, refused.headers.connection]).toEqual([401, 'close']);
    expect(refused.text).toContain('has expired');
    expect(ports).toHaveLength(1);
    agent.destroy();
  });

  it('refuses on an open connection as soon as the tool is denied', async () => {
    const agent = keepAliveAgent();
    const identity = client(server, 'gamma');
    expect((await ask(server, { identity, agent })).status).toBe(200);
    server.denied.add('gamma');
    expect((await ask(server, { identity, agent })).status).toBe(401);
    server.denied.clear();
    agent.destroy();
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`resumes no session over ${version}`, async () => {
      const identity = client(server);
      const first = await openTls(server, identity, { minVersion: version, maxVersion: version });
      const sessions: Buffer[] = [];
      first.on('session', (session: Buffer) => sessions.push(session));
      first.write('GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      first.resume();
      await once(first, 'close');
      const session = sessions.at(-1) ?? first.getSession();
      const second = await openTls(server, identity, {
        minVersion: version,
        maxVersion: version,
        ...(session ? { session } : {}),
      });
      expect(second.isSessionReused()).toBe(false);
      second.destroy();
    });
  }
});

describe('identity from the headers of a front', () => {
  const frontHeaders = ({ cert }: Issued, subject: string, verdict = 'SUCCESS') => ({
    'ssl-client-subject-dn': subject,
    'ssl-client-verify': verdict,
    'ssl-client-cert': encodeURIComponent(cert),
  });
  const goodHeaders = () => frontHeaders(client(server), 'CN=alpha,O=toolforge');
  const askAs = async (headers: Record<string, string | string[]>) => (await askSocket(server, { headers })).status;

  it('lets exactly the good ones of 31 certificates through', async () => {
    const answers = cases.map(async (one): Promise<[string, number, string]> => {
      const headers = frontHeaders(one.issued, renderForFront(one.options.subject), frontVerdict(one));
      const { status, text } = await askSocket(server, { headers });
      return [one.name, status, toolOf(text)];
    });
    expect(statuses(await Promise.all(answers))).toEqual(expected());
  });

  it('recomputes what the front says of time and issuer', async () => {
    for (const one of cases.filter(({ status }) => status === 401)) {
      expect(await askAs(frontHeaders(one.issued, renderForFront(one.options.subject)))).toBe(401);
    }
    const forServers = server.authority.issue({ subject: toolSubject('alpha'), usage: 'server' });
    expect(await askAs(frontHeaders(forServers, 'CN=alpha,O=toolforge'))).toBe(401);
  });

  it('refuses a subject that is not the one of the certificate', async () => {
    expect(await askAs(frontHeaders(client(server, 'beta'), 'CN=alpha,O=toolforge'))).toBe(401);
    for (const one of cases.filter(({ status }) => status === 403)) {
      expect(await askAs(frontHeaders(one.issued, 'CN=alpha,O=toolforge'))).toBe(403);
    }
  });

  it('refuses the legacy form of a subject', async () => {
    expect(await askAs({ ...goodHeaders(), 'ssl-client-subject-dn': '/O=toolforge/CN=alpha' })).toBe(403);
  });

  it('needs each header exactly once', async () => {
    for (const name of Object.keys(goodHeaders())) {
      const { [name as 'ssl-client-cert']: value, ...rest } = goodHeaders();
      expect(await askAs(rest)).toBe(400);
      expect(await askAs({ ...rest, [name]: [value, value] })).toBe(400);
      expect(await askAs({ ...rest, [name]: '' })).toBe(400);
      expect(await askAs({ ...rest, [name.replaceAll('-', '_')]: value })).toBe(400);
      expect(await askAs({ ...rest, [name]: value, [name.replaceAll('-', '_')]: value })).toBe(400);
    }
  });

  it('answers as over TLS when the front saw no certificate', async () => {
    const { status, text } = await askSocket(server, { headers: { 'ssl-client-verify': 'NONE' } });
    expect(status).toBe(400);
    expect(text).toContain(noCertificate);
  });

  it('refuses text that is no certificate, or more than one', async () => {
    const { cert } = client(server);
    for (const text of ['%', 'x', cert + cert, cert.slice(0, 200), `${cert}x`]) {
      expect(
        await askAs({ ...goodHeaders(), 'ssl-client-cert': text.startsWith('%') ? text : encodeURIComponent(text) }),
      ).toBe(401);
    }
  });

  it('asks for time and deny list at every request, not only at the first', async () => {
    const headers = goodHeaders();
    expect(await askAs(headers)).toBe(200);
    server.denied.add('alpha');
    expect(await askAs(headers)).toBe(401);
    server.denied.clear();
    server.clock = Date.now() + 10 * 86_400_000;
    expect(await askAs(headers)).toBe(401);
    server.clock = Date.now();
    expect(await askAs(headers)).toBe(200);
  });
});

import { once } from 'node:events';
import { createServer as createPlainServer, type Server } from 'node:net';
import { createServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { checks, type Deployment } from '../../../bin/admin/doctor-checks.ts';
import { parseStartup } from '../../../src/settings.ts';
import { createAuthority, issueServer } from '../../support/certs.ts';
import { isRoot } from '../../support/homes.ts';

/** Of its own for each mail server, so that well-known ports are free. */
const address = '127.0.0.46';
const startup = parseStartup(`
listen: { unix: { path: /front, client_ca: /ca }, health: { port: 0 } }
smtp: { allow: [{ host: mail.example.org, address: ${address} }] }
`);

let server: Server;
afterEach(() => void server.close());

async function look(port: number) {
  await once(server.listen(port, address), 'listening');
  const data = { send_emails_for_real: 'yes', smtp_server_fqdn: 'mail.example.org', smtp_server_port: String(port) };
  const check = checks.find(({ name }) => name === 'mailServerAnswers');
  return check?.({ startup, kube: { request: async () => ({ data }) } } as unknown as Deployment);
}

describe.skipIf(!isRoot)('the mail server', () => {
  it('is well where it greets', async () => {
    server = createPlainServer((socket) => void socket.on('error', () => {}).write('220 mail.example.org\r\n'));
    expect(await look(25)).toMatchObject({ is: 'well' });
  });

  it('is well where it greets after TLS, as on port 465', async () => {
    const { cert, key } = issueServer(createAuthority());
    server = createServer(
      { cert, key },
      (socket) => void socket.on('error', () => {}).write('220 mail.example.org\r\n'),
    );
    expect(await look(465)).toMatchObject({ is: 'well' });
  });

  it('is wrong where it says that it takes no mail', async () => {
    server = createPlainServer((socket) => void socket.on('error', () => {}).end('554 no\r\n'));
    expect(await look(25)).toMatchObject({ is: 'wrong', words: expect.stringContaining('554 no') });
  });
});

/** A mutual TLS server that answers one constant: what the list is measured against. argv: cert key clientCa bytes. Prints its port. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const [cert, key, clientCa, bytes] = process.argv.slice(2) as [string, string, string, string];
const body = Buffer.alloc(Number(bytes), 'x');
const server = createServer(
  {
    cert: readFileSync(cert),
    key: readFileSync(key),
    ca: readFileSync(clientCa),
    requestCert: true,
    rejectUnauthorized: true,
  },
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
  },
);
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));

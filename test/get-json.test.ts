import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createGetJson, type GetJson } from '../src/get-json.ts';
import { artifact, type ScriptedHarbor, startHarbor } from './support/scripted-harbor.ts';

let registry: ScriptedHarbor;
let connection: GetJson;
const patience = () => AbortSignal.timeout(5_000);

beforeAll(async () => {
  registry = await startHarbor({ 'tool-demo': { web: [artifact('1', 'latest')] } });
  const limits = { maxBytes: 1_000, connections: 1 };
  connection = createGetJson({ origin: registry.url, ca: () => registry.ca, userAgent: 'test/1', ...limits });
});
afterAll(async () => {
  connection.close();
  await registry.stop();
});

it('gets what is there, and how many there are', async () => {
  const answer = await connection.get('/api/v2.0/projects/tool-demo/repositories', patience());
  expect(answer).toEqual({ status: 200, body: [{ name: 'tool-demo/web' }], total: 1 });
});

it('says who asks, and nothing else', async () => {
  let headers: object = {};
  registry.misbehave = (request, response) => {
    headers = request.headers;
    response.end('null');
  };
  await connection.get('/', patience());
  registry.misbehave = undefined;
  expect(headers).toEqual({
    host: registry.host,
    accept: 'application/json',
    'user-agent': 'test/1',
    connection: 'keep-alive',
  });
});

it('passes on what is not there, and keeps the connection', async () => {
  for (let times = 0; times < 3; times++) {
    const answer = await connection.get('/api/v2.0/projects/tool-none/repositories', patience());
    expect(answer).toEqual({ status: 404, body: undefined, total: undefined });
    await turn();
  }
  expect(registry.connections).toBe(1);
});

it('survives a refusal without an end', async () => {
  registry.misbehave = (_request, response) => void response.writeHead(404).write('a');
  const ending = new AbortController();
  expect((await connection.get('/', ending.signal)).status).toBe(404);
  ending.abort();
  registry.misbehave = undefined;
  expect((await connection.get('/api/v2.0/projects/tool-none/repositories', patience())).status).toBe(404);
});

it('speaks plainly to an origin without TLS', async () => {
  const server = createServer((_request, response) => void response.end('[1]'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const plain = createGetJson({ origin, ca: () => undefined, userAgent: 'test/1', maxBytes: 10, connections: 1 });
  expect((await plain.get('/', patience())).body).toEqual([1]);
  plain.close();
  server.close();
});

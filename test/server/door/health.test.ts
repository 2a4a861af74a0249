import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHealthServer, type HealthSources } from '../../../src/server/door/health.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const stop of stops.splice(0)) stop();
});

/** Unset: everything is well. */
async function start(change: Partial<HealthSources> = {}, probe?: () => Promise<unknown>) {
  const sources = {
    live: () => 'fine',
    stuckWatches: () => [],
    ready: () => ({ ok: true, detail: {} }),
    metrics: async () => 'jobs_known 1\n',
    ...change,
  };
  const server = createHealthServer(sources, probe);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => server.close());
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return async (path: string) => {
    const response = await fetch(base + path, { headers: { connection: 'close' } });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
}

describe('the health listener', () => {
  it('says that the process lives, with the facts it was given', async () => {
    const get = await start();
    expect(await get('/healthz?verbose')).toMatchObject({
      status: 200,
      text: '{"ok":true,"threadPool":"turning","stuckWatches":[],"detail":"fine"}',
    });
  });

  it('says that it does not when the thread pool is stuck for a second, or the file system fails', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stuck = (await start({}, () => new Promise(() => {})))('/healthz');
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
    vi.advanceTimersByTime(1000);
    expect((await stuck).status).toBe(503);
    vi.useRealTimers();
    const failing = await start({}, () => Promise.reject(new Error('gone')));
    expect((await failing('/healthz')).status).toBe(503);
  });

  it('says that it does not while a watch is stuck, and which', async () => {
    let stuckWatches: string[] = ['Pod', 'settings'];
    const get = await start({ stuckWatches: () => stuckWatches });
    expect(await get('/healthz')).toMatchObject({
      status: 503,
      text: '{"ok":false,"threadPool":"turning","stuckWatches":["Pod","settings"],"detail":"fine"}',
    });
    stuckWatches = [];
    expect((await get('/healthz')).status).toBe(200);
  });

  it('is ready only when it is told so, and shows why not', async () => {
    let ok = false;
    const get = await start({ ready: () => ({ ok, detail: { view: 'listing' } }) });
    expect(await get('/readyz')).toMatchObject({ status: 503, text: '{"ok":false,"detail":{"view":"listing"}}' });
    ok = true;
    expect((await get('/readyz')).status).toBe(200);
  });

  it('hands out metrics as Prometheus reads them', async () => {
    const get = await start();
    expect(await get('/metrics')).toEqual({
      status: 200,
      type: 'text/plain; version=0.0.4; charset=utf-8',
      text: 'jobs_known 1\n',
    });
  });

  it('knows nothing else, and survives a source that fails', async () => {
    const get = await start({ metrics: () => Promise.reject(new Error('no registry')) });
    expect((await get('/v1/tool/alpha/jobs')).status).toBe(404);
    expect((await get('/metrics')).status).toBe(503);
    expect((await get('/readyz')).status).toBe(200);
  });
});

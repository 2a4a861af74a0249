/** The local listener for probes and Prometheus: plain HTTP, no certificate, no tool data. */
import { stat } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { sendHealth, sendHealthNotFound } from '../respond.ts';

export interface HealthSources {
  /** Facts for a person who reads /healthz; shown, not judged. */
  live(): unknown;
  /** Names of watches that have stopped moving, which only a new process cures; never for a mere outage of the API server. */
  stuckWatches(): readonly string[];
  ready(): { readonly ok: boolean; readonly detail: object };
  /** Prometheus text exposition. */
  metrics(): Promise<string>;
}

const probeMs = 1000;
const prometheus = 'text/plain; version=0.0.4; charset=utf-8';

/** @param probe what proves that the thread pool still turns; it hangs when every thread is stuck in a dead file system */
export function createHealthServer(sources: HealthSources, probe: () => Promise<unknown> = () => stat('/')): Server {
  const server = createServer({
    maxHeaderSize: 8 * 1024,
    headersTimeout: 10_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 30_000,
  });
  server.maxConnections = 100;
  server.on('request', (request, response) => {
    answer(request.url ?? '', response, sources, probe).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendHealth(response, false, JSON.stringify({ ok: false, problem: String(error) }));
    });
  });
  return server;
}

async function answer(
  url: string,
  response: ServerResponse,
  sources: HealthSources,
  probe: () => Promise<unknown>,
): Promise<void> {
  switch (url.split('?', 1)[0]) {
    case '/healthz': {
      const turns = await turnsInTime(probe);
      const stuckWatches = sources.stuckWatches();
      const ok = turns && stuckWatches.length === 0;
      const body = { ok, threadPool: turns ? 'turning' : 'stuck', stuckWatches, detail: sources.live() };
      return sendHealth(response, ok, JSON.stringify(body));
    }
    case '/readyz': {
      const { ok, detail } = sources.ready();
      return sendHealth(response, ok, JSON.stringify({ ok, detail }));
    }
    case '/metrics':
      return sendHealth(response, true, await sources.metrics(), prometheus);
    default:
      return sendHealthNotFound(response);
  }
}

async function turnsInTime(probe: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, probeMs, false);
  });
  try {
    return await Promise.race([probe().then(() => true), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

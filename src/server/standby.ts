/**
 * A process that stands by while another one works: it is alive and not ready, and nothing of it answers users. The health listener is
 * closed again before the one of the working daemon takes its place.
 */
import { createHealthServer } from './door/health.ts';
import { closeServer, listenOnPort } from './door/listeners.ts';

/** @param until resolves when this process may work. @throws AppError `settings.invalid` when the port cannot be had */
export async function standBy(
  { address, port, metrics }: { address: string; port: number; metrics(): Promise<string> },
  until: () => Promise<void>,
): Promise<void> {
  const server = createHealthServer({
    live: () => ({ health: { status: 'OK', message: 'standing by' } }),
    stuckWatches: () => [],
    ready: () => ({ ok: false, detail: { standby: true } }),
    metrics,
  });
  await listenOnPort(server, 'http', address, port);
  try {
    await until();
  } finally {
    const closed = closeServer(server);
    server.closeAllConnections();
    await closed;
  }
}

/** The real cluster of a flow. Flows run side by side, and none meets what another one does to its cluster: each worker has one of its own. */
import { join } from 'node:path';
import { inject } from 'vitest';
import { type Cluster, up } from '../cluster/cluster.ts';

/** Brought up by the first flow of a worker that asks, and there for all that follow; flows-setup.ts takes it down. */
export const cluster: Cluster = await up({ stateDir: join(inject('clusters'), process.env.VITEST_POOL_ID ?? '1') });

/**
 * The table of routes, assembled from one file a dialect. Every row also answers with the slash at the end of its path added or left out.
 */

import { createApplyJob } from './handlers/apply.ts';
import type { Deps } from './handlers/deps.ts';
import { createListJobs } from './handlers/list.ts';
import { createRunJob } from './handlers/run.ts';
import { canonicalRoutes } from './routes/canonical-routes.ts';
import { octoberRoutes } from './routes/october-routes.ts';
import type { Route } from './routes/route.ts';
import { seedRoutes } from './routes/seed-routes.ts';

/** Old and new public paths of the canonical dialect; clients behind the former gateway use the second. */
const canonicalBases = ['/v1/tool/:tool', '/jobs/v1/tool/:tool'];

export function createRoutes(deps: Deps): Route[] {
  const list = createListJobs(deps);
  const run = createRunJob(deps);
  const apply = createApplyJob(deps);
  return [
    ...canonicalBases.flatMap((base) => canonicalRoutes(base, deps, { list, run, apply })),
    ...octoberRoutes(deps.octoberBase, deps, list, run),
    ...seedRoutes('/api/v1', deps, list, run),
  ];
}

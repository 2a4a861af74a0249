/** `fence`: a number that grows with each newer run of a job, for a job to keep with what it writes. */
import { usage } from '../terminal/arguments.ts';
import type { Command } from './outcome.ts';
import { patiently } from './patience.ts';

export const claimFence: Command = async (context) => {
  const run = context.line.options.get('run') ?? context.runId;
  if (!run)
    throw usage("'fence' is asked inside a job, whose TOOLFORGE_RUN_ID says which run asks. Elsewhere name it: --run.");
  const fence = await patiently(context, () => context.client.claimFence(run), [
    // A run that has just begun, or a service that begins again.
    'run.not_found',
    'view.not_ready',
    'kube.unreachable',
    'service.unreachable',
    'state.unwritable',
  ]);
  return { text: String(fence), data: { run, fence } };
};

/** `flush`: ends all jobs of the tool and removes them. */
import type { Command } from './outcome.ts';

export const flushJobs: Command = async ({ client }) => {
  await client.flushJobs();
  return { text: '', data: { state: 'flushed' } };
};

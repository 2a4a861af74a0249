/** `delete`: ends one job and removes it. */
import type { Command } from './outcome.ts';

export const deleteJob: Command = async ({ client, line }) => {
  const name = line.operands[0] ?? '';
  await client.deleteJob(name);
  return { text: '', data: { name, state: 'deleted' } };
};

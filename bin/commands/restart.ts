/** `restart`: makes the copies of a continuous job anew, or runs a scheduled job now. */
import type { Command } from './outcome.ts';

export const restartJob: Command = async ({ client, line }) => {
  const name = line.operands[0] ?? '';
  await client.restartJob(name);
  return { text: '', data: { name, state: 'restarted' } };
};

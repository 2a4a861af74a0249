/** `suspend` and `resume`: let a scheduled job start no runs for a while. */
import { momentOption } from '../terminal/moments.ts';
import type { Command } from './outcome.ts';

export const suspendJob: Command = async ({ client, line }) => {
  const name = line.operands[0] ?? '';
  const note = line.options.get('note');
  const until = line.options.get('until');
  const end = until === undefined ? undefined : momentOption('until', until, Date.now());
  await client.suspendJob(name, { note, until: end });
  return { text: '', data: { name, state: 'suspended' } };
};

export const resumeJob: Command = async ({ client, line }) => {
  const name = line.operands[0] ?? '';
  await client.resumeJob(name);
  return { text: '', data: { name, state: 'resumed' } };
};

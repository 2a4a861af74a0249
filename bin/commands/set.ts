/** `set NAME --mem … --cpu …`: gives a job more or less memory or CPU and leaves everything else as its owner set it. */
import { AppError } from '../../src/errors.ts';
import { usage } from '../terminal/arguments.ts';
import type { NewJob } from './new-job.ts';
import type { Command } from './outcome.ts';
import { refusePart } from './refuse-part.ts';

export const setAmounts: Command = async ({ client, line, say }) => {
  const name = line.operands[0] ?? '';
  const [memory, cpu] = [line.options.get('mem'), line.options.get('cpu')];
  if (memory === undefined && cpu === undefined) throw usage("'set' needs --mem or --cpu.");
  const job = (await client.listJobsAsSet()).find((one) => one.name === name);
  if (!job) {
    await refusePart(client, name);
    throw new AppError('job.not_found', `Job '${name}' does not exist`, { fields: { name } });
  }
  if (job.job_type === 'one-off') throw notAnyMore(name);
  // The same as imagename, and no key of a request.
  const { image: _, ...asked } = job;
  const body: NewJob = { ...asked, ...(memory === undefined ? {} : { memory }), ...(cpu === undefined ? {} : { cpu }) };
  const isChanged = await client.applyJob(body);
  const given = [...(memory === undefined ? [] : [`mem: ${memory}`]), ...(cpu === undefined ? [] : [`cpu: ${cpu}`])];
  if (isChanged) say('info', `If it stands in a file of yours, write '${given.join("' and '")}' there as well.`);
  return { text: '', data: { name, changed: isChanged } };
};

function notAnyMore(name: string): AppError {
  return new AppError(
    'job.conflict',
    `'${name}' is a one-off job, which stays as it is. Run it again with --mem or --cpu.`,
  );
}

/** What is changed together with the job that it is a part of, and has nothing of its own to change. */
import { AppError } from '../../src/errors.ts';
import type { Client, Job } from '../client/client.ts';
import { isRecord } from '../client/session.ts';

/** For a name that no job has. @throws AppError `job.is_part` */
export async function refusePart(client: Client, name: string): Promise<void> {
  const isOf = ({ parts }: Job) => Array.isArray(parts) && parts.some((part) => isRecord(part) && part.name === name);
  const found = (await client.listJobs()).find(isOf);
  if (!found) return;
  const job = String(found.name);
  const text = `'${name}' is a part of the job '${job}', and is changed together with it. Nothing was changed.`;
  throw new AppError('job.is_part', text, { fields: { field: 'name', value: name, job } });
}

/**
 * What the page may ask of the service, in the name of the tool: these reads and nothing else. Nothing here changes a job, whatever is asked.
 */
import { AppError } from '../../src/errors.ts';
import { type Client, type Job, queryText, safeName } from '../client/client.ts';
import { isRecord } from '../client/session.ts';

/** As much of the client as the dashboard has. */
export type ReadingClient = Pick<Client, 'read' | 'openLogs' | 'followEvents'>;

/** @param url of the request, e.g. `/api/jobs/bot/runs`. @returns undefined where there is nothing; @throws AppError as the service */
export function readFor(url: URL, client: ReadingClient, signal: AbortSignal): Promise<Job> | undefined {
  const [, api, what = '', name, part, ...more] = url.pathname.split('/');
  if (api !== 'api' || more.length > 0) return undefined;
  if (name === undefined) return readWhole(what, url.searchParams, client);
  if (what !== 'jobs') return undefined;
  switch (part) {
    case undefined:
      return client.read(`/jobs/${safeName(name)}`);
    case 'runs':
      return client.read(`/jobs/${safeName(name)}/runs`);
    case 'output':
      return readOutput(name, url.searchParams.get('run') ?? undefined, client, signal);
    default:
      return undefined;
  }
}

function readWhole(what: string, query: URLSearchParams, client: ReadingClient): Promise<Job> | undefined {
  switch (what) {
    case 'jobs':
      return client.read('/jobs');
    case 'mail':
      return client.read(`/mail-log${queryText({ job: query.get('job') ?? undefined, limit: mailRows })}`);
    case 'quota':
      return client.read('/quotas');
    default:
      return undefined;
  }
}

const mailRows = 200;
const outputLines = 200;

/**
 * The last lines, and where they cannot be read why: to whoever looks that is no failure of the page.
 * @param run what is kept of that one only
 */
async function readOutput(
  name: string,
  run: string | undefined,
  client: ReadingClient,
  signal: AbortSignal,
): Promise<Job> {
  const lines: Job[] = [];
  try {
    for await (const text of await client.openLogs(name, { lines: outputLines, run }, signal)) {
      const line = text.trim() === '' ? undefined : JSON.parse(text);
      if (isRecord(line)) lines.push(line);
    }
    return { lines, trouble: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { lines, trouble: error.code === 'logs.none' ? null : error.message };
  }
}

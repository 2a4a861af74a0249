/** `jobs --all`, `jobs --tool NAME`: the jobs of all tools, or of one, as their owners see them. */
import type { Job } from '../client/client.ts';
import { type CommandLine, usage } from '../terminal/arguments.ts';
import { shortRows } from '../terminal/job-rows.ts';
import { simpleTable } from '../terminal/table.ts';

export interface JobsContext {
  readonly line: CommandLine;
  ask(method: 'GET', path: string): Promise<unknown>;
  print(value: unknown, text: string): void;
}

/** Tools asked at once: the daemon answers them one after another, and others between. */
const toolsAtOnce = 8;

/** @throws AppError `usage.invalid`, `tool.invalid`, `service.unreachable` */
export async function runJobs(context: JobsContext): Promise<void> {
  const { line, ask, print } = context;
  const tool = line.options.get('tool');
  if (line.options.has('all') === (tool !== undefined)) throw usage("Say whose: 'jobs --all', or 'jobs --tool NAME'.");
  const tools = tool === undefined ? ((await ask('GET', '/tools')) as { tools: string[] }).tools : [tool];
  const jobs: { tool: string; job: Job }[] = [];
  for (let at = 0; at < tools.length; at += toolsAtOnce)
    jobs.push(...(await Promise.all(tools.slice(at, at + toolsAtOnce).map((name) => jobsOf(ask, name)))).flat());
  const rows = jobs.map(({ tool: name, job }) => [name, ...shortRows(job).map(([, words]) => words)]);
  const text = rows.length > 0 ? simpleTable(['Tool', 'Job name', 'Job type', 'Status'], rows) : 'There are no jobs.';
  print(
    jobs.map(({ tool: name, job }) => ({ tool: name, ...job })),
    text,
  );
}

async function jobsOf(ask: JobsContext['ask'], tool: string): Promise<{ tool: string; job: Job }[]> {
  const { jobs } = (await ask('GET', `/tools/${encodeURIComponent(tool)}/jobs`)) as { jobs: Job[] };
  return jobs.map((job) => ({ tool, job }));
}

/** A tool as the dashboard sees it: answers that a test sets, events that a test tells. */

import type { Job } from '../../bin/client/client.ts';
import type { ServerSentEvent } from '../../bin/client/stream-text.ts';
import { type Dashboard, startDashboard } from '../../bin/dashboard/server.ts';
import type { ReadingClient } from '../../bin/dashboard/service-reads.ts';
import { AppError } from '../../src/errors.ts';

export interface ScriptedTool {
  readonly dashboard: Dashboard;
  /** By the path that is asked for, e.g. `/jobs/bot/runs`; an error is thrown. */
  readonly answers: Map<string, Job | AppError>;
  /** Lines of the log of every job; without any there is none. */
  readonly lines: Job[];
  readonly asked: string[];
  /** How often somebody came with the address again. */
  secondUses: number;
  tell(event: string, data: object): void;
  /** The connection to the service breaks, and is there again after `comeBack`. */
  breakOff(): void;
  comeBack(): void;
  stop(): Promise<void>;
}

export const said = (value: object): Job => ({ ...value, messages: { info: [], warning: [], error: [] } });

export async function startScriptedTool(): Promise<ScriptedTool> {
  const answers = new Map<string, Job | AppError>([['/jobs', said({ jobs: [] })]]);
  const lines: Job[] = [];
  const asked: string[] = [];
  const ending = new AbortController();
  let pending: (ServerSentEvent | AppError)[] = [];
  let wake = () => {};
  let isThere = true;
  let woken = () => {};
  const push = (one: ServerSentEvent | AppError) => {
    pending.push(one);
    wake();
  };
  const client: ReadingClient = {
    async read(path) {
      asked.push(path);
      const answer = answers.get(path.replace(/\?.*$/, ''));
      if (answer instanceof AppError) throw answer;
      if (!answer) throw new AppError('job.not_found', `There is nothing at ${path}`);
      return answer;
    },
    async openLogs(name, query) {
      asked.push(`logs of ${name} ${JSON.stringify(query)}`);
      if (name === 'locked') throw new AppError('home.refused', 'It is locked.');
      if (lines.length === 0) throw new AppError('logs.none', `Job '${name}' does not have any logs available`);
      return (async function* () {
        for (const line of lines) yield JSON.stringify(line);
      })();
    },
    async followEvents(_name, position, signal) {
      if (!isThere) throw new AppError('service.unreachable', 'The service could not be reached.');
      return (async function* () {
        for (;;) {
          const one = pending.shift();
          if (one instanceof AppError) throw one;
          if (one) {
            position.id = one.id;
            yield one;
          } else if (signal.aborted) return;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
              signal.addEventListener('abort', () => resolve(), { once: true });
            });
        }
      })();
    },
  };
  const tool = {
    answers,
    lines,
    asked,
    secondUses: 0,
    dashboard: await startDashboard({
      client,
      tool: 'quick',
      port: 0,
      following: {
        signal: ending.signal,
        sleep: () =>
          new Promise<void>((resolve) => {
            woken = resolve;
            if (isThere) resolve();
          }),
      },
      onSecondUse() {
        tool.secondUses += 1;
      },
    }),
    tell: (event: string, data: object) => push({ event, data: JSON.stringify(data), id: '1' }),
    breakOff() {
      isThere = false;
      push(new AppError('service.unreachable', 'The service at https://jobs.example.org could not be reached.'));
    },
    comeBack() {
      isThere = true;
      pending = [];
      woken();
    },
    async stop() {
      ending.abort();
      await tool.dashboard.close();
    },
  };
  return tool;
}

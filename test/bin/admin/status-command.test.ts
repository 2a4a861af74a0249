import { describe, expect, it } from 'vitest';
import { runJobs } from '../../../bin/admin/jobs-command.ts';
import { runStatus } from '../../../bin/admin/status-command.ts';
import type { Status } from '../../../src/status.ts';

const well: Status = {
  problems: [],
  version: '0.1.0',
  started: '2026-03-01T04:00:00.000Z',
  leader: 'jobs-api-1',
  view: { synced: true, live: true, age_seconds: 1 },
  jobs: 20,
  streams: 2,
  mail: { gathered: 3, sealed: 1, parked: 0 },
  mail_withheld: null,
  webhooks: { set: 0, failing: 0 },
  checkpoint: { age_seconds: 2, failed: 0, gaps: 0 },
  run_records: { waiting: 0, dropped: 0, failed: 0 },
  homes: { running: 1, stuck: 0, waiting: 0 },
  errands: { waiting: 0, failing: [] },
  usage: { source: 'metrics', running: 5, age_seconds: 7, failed: 0, problem: '' },
  settings: { version: '7', is_current: true, unheard_seconds: null, problems: [] },
  images: { version: '8', is_current: false, unheard_seconds: null, problems: ['x'] },
  certificates: { listener: 20.7, kubernetes_ca: 300 },
  files: {},
  disk: { free_mib: 900, free_share: 0.5 },
};

async function status(seen: Status) {
  const printed: string[] = [];
  const isWell = await runStatus({ ask: async () => seen, print: (_, words) => void printed.push(words) });
  return { isWell, text: printed.join() };
}

describe('status', () => {
  it('is a line for each thing, after the word that all is well', async () => {
    const { isWell, text } = await status(well);
    expect(isWell).toBe(true);
    expect(text.split('\n')[0]).toBe('All is well.');
    expect(text).toMatch(/^Leader +this process, jobs-api-1$/m);
    expect(text).toMatch(/^Images +version 8, not that of the cluster: see above$/m);
    expect(text).toMatch(/^Certificates +listener 20 d, kubernetes_ca 300 d$/m);
  });

  it.each<[string, Partial<Status['usage']>]>([
    ['5 run, asked of the metrics API 7 s ago', {}],
    ['5 run, asked of their nodes 7 s ago', { source: 'nodes' }],
    ['not measured: usage_every_seconds is 0', { source: 'off' }],
    ['not measured: Nobody may.', { source: 'nobody', problem: 'Nobody may.' }],
    ['nothing to measure yet', { source: null, age_seconds: null }],
  ])('says how it is known what jobs use: %s', async (words, usage) => {
    const { text } = await status({ ...well, usage: { ...well.usage, ...usage } });
    expect(text).toMatch(new RegExp(`^Use of jobs +${words}$`, 'm'));
  });

  it('begins with what needs somebody, with nothing that moves a cursor', async () => {
    const { isWell, text } = await status({ ...well, problems: ['One.', 'Two\u001b[2J.'] });
    expect(isWell).toBe(false);
    expect(text.split('\n').slice(0, 3)).toEqual(['2 things need somebody:', '- One.', '- Two\\x1b[2J.']);
  });
});

describe('jobs', () => {
  const asked: string[] = [];
  async function jobs(options: Record<string, string>) {
    const printed: { value: unknown; text: string }[] = [];
    await runJobs({
      line: { command: undefined, operands: [], options: new Map(Object.entries(options)) },
      async ask(_, path) {
        asked.push(path);
        if (path === '/tools') return { tools: ['alpha', 'beta'] };
        const daily = { name: 'daily', job_type: 'scheduled', schedule: '@daily', status_short: 'Waiting' };
        return { jobs: path.includes('alpha') ? [daily] : [] };
      },
      print: (value, text) => void printed.push({ value, text }),
    });
    return printed[0] as { value: unknown; text: string };
  }

  it('are those of all tools, with the columns that their owners see', async () => {
    const { text, value } = await jobs({ all: '' });
    expect(text).toMatch(/^Tool +Job name +Job type +Status/);
    expect(text).toMatch(/^alpha +daily +schedule: @daily +Waiting$/m);
    expect(value).toMatchObject([{ tool: 'alpha', name: 'daily' }]);
  });

  it('are those of one tool where that is asked for, and nobody else is asked about', async () => {
    asked.length = 0;
    expect((await jobs({ tool: 'beta' })).text).toBe('There are no jobs.');
    expect(asked).toEqual(['/tools/beta/jobs']);
  });

  it('have to be of somebody', async () => {
    await expect(jobs({})).rejects.toThrow("Say whose: 'jobs --all', or 'jobs --tool NAME'.");
    await expect(jobs({ all: '', tool: 'x' })).rejects.toThrow('Say whose');
  });
});

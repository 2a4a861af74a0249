import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Display } from '../../../bin/terminal/screen.ts';
import { hostileTexts } from '../hostile-texts.ts';
import {
  type Answer,
  cut,
  makeJob,
  makeStatus,
  noMessages,
  runMain,
  type Service,
  startService,
} from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const bot = makeJob({ name: 'bot', job_type: 'continuous', status: makeStatus('running') });
const listed = (...jobs: object[]): Answer => ({ body: { jobs, messages: noMessages } });
const begin = 'retry: 1000\nid: life-0\n\n';
const event = (name: string, data: object, id = 1) =>
  `id: life-${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const changed = (job: string, short: string, messages: string[] = [], job_type = 'one-off') =>
  event('job.changed', { job, job_type, run_id: null, status: { short, up_to_date: true, messages } });
const ended = event('run.ended', {
  job: 'report',
  job_type: 'scheduled',
  outcome: 'failed',
  message: 'your program ended with code 3',
});
const gone = event('job.gone', { job: 'bot', job_type: 'continuous', run_id: null }, 2);

beforeEach(() => service.script(listed(bot)));

/** Until the last of these texts was printed. */
const watch = (until: string, words: readonly string[] = [], more: { onSleep?: () => void } = {}) =>
  runMain(['watch', ...words], {
    env: service.env,
    onPrint(stdout, interrupt) {
      if (stdout.includes(until)) interrupt();
    },
    ...more,
  });

const withoutTimes = (text: string) => text.replaceAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /gm, '');

describe('watch, piped', () => {
  it('says how the jobs are, then each change on a line of its own, and asks for nothing but the events', async () => {
    service.beside({
      events: [[begin + changed('report', 'pending', ['next run 2026-03-02T04:17:00Z'], 'scheduled') + ended + gone]],
    });
    const { code, stdout, stderr } = await watch('gone');
    expect({ code, stderr }).toEqual({ code: 130, stderr: '' });
    expect(withoutTimes(stdout)).toBe(
      'bot: running\nreport: waiting; next run 2026-03-02T04:17:00Z\n' +
        'report: run failed: your program ended with code 3\nbot: gone\n',
    );
    expect(service.requests.map(({ path }) => path)).toEqual(['/jobs/v1/tool/quick/jobs']);
  });

  it('names the job of a part with it', async () => {
    const part = { job: 'update-fr', group: 'update', job_type: 'scheduled', outcome: 'failed', message: 'it broke' };
    service.beside({ events: [[begin + event('run.ended', part) + gone]] });
    const { stdout } = await watch('gone');
    expect(withoutTimes(stdout)).toBe('bot: running\nupdate (update-fr): run failed: it broke\nbot: gone\n');
  });

  it('is one object a line with --output json', async () => {
    service.beside({ events: [[begin + gone]] });
    const { stdout } = await watch('job.gone', ['--output', 'json']);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { event: 'jobs.listed', data: { jobs: [bot], warnings: [] } },
      { id: 'life-2', event: 'job.gone', data: { job: 'bot', job_type: 'continuous', run_id: null } },
    ]);
  });

  it('goes on when the connection breaks, and says that the service was away', async () => {
    service.beside({ events: [[begin, cut], [changed('one', 'running') + gone]] });
    const { stdout, stderr } = await watch('gone');
    expect(withoutTimes(stdout)).toMatch(/^bot: running\n(?:bot: running\n)?one: running\nbot: gone\n$/);
    expect(stderr).toMatch(
      /^WARNING: .*Watching on as soon as the service answers\.\nINFO: The service answers again\.\n$/,
    );
  });

  it('lists the jobs anew where events are missing', async () => {
    service.beside({ events: [[begin + event('reset', {}) + gone]] });
    const { stdout } = await watch('gone');
    expect(withoutTimes(stdout)).toBe('bot: running\nbot: running\nbot: gone\n');
  });

  it('fails at once where nothing is heard at first', async () => {
    service.beside({ events: [[cut]] });
    const { code, stderr } = await runMain(['watch'], { env: service.env });
    expect(code).toBe(2);
    expect(stderr).toContain('ERROR: ');
  });
});

/** A terminal that keeps what is sent to it. */
function makeDisplay(columns: number, rows: number, onWrite: (all: string) => void) {
  const state = { sent: '', columns, rows, end: () => {}, resize: () => {} };
  const display: Display = {
    write(text) {
      state.sent += text;
      onWrite(state.sent);
    },
    columns: () => state.columns,
    rows: () => state.rows,
    onResize(call) {
      state.resize = call;
      return () => {
        state.resize = () => {};
      };
    },
    onEnd(call) {
      state.end = call;
      return () => {};
    },
  };
  return { state, display };
}

const esc = String.fromCharCode(27);
const enter = `${esc}[?1049h${esc}[?25l`;
const leave = `${esc}[?25h${esc}[?1049l`;
/** The lines of each picture. */
const picturesOf = (sent: string) =>
  sent
    .split(`${esc}[H`)
    .slice(1)
    .map((picture) => (picture.split(`${esc}[J`)[0] ?? '').split(`${esc}[K`).map((line) => line.replace('\r\n', '')));

async function watchOn(columns: number, rows: number, until: string) {
  let interrupt = () => {};
  const { state, display } = makeDisplay(columns, rows, (all) => {
    if (all.includes(until)) interrupt();
  });
  const ran = await runMain(['watch'], {
    env: service.env,
    display,
    onPrint: (_stdout, abort) => {
      interrupt = abort;
    },
  });
  return { ...ran, sent: state.sent, pictures: picturesOf(state.sent) };
}

describe('watch, on a terminal', () => {
  it('draws a table in its place, and gives the terminal back when it is interrupted', async () => {
    service.beside({ events: [[begin + changed('bot', 'pending', ['1 of 2 attempts failed'], 'continuous')]] });
    const { code, stdout, sent, pictures } = await watchOn(100, 24, 'attempts');
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
    expect(sent.startsWith(enter)).toBe(true);
    expect(sent.endsWith(leave)).toBe(true);
    expect(sent.split(leave)).toHaveLength(2);
    expect(pictures.at(-1)?.map((line) => line.replace(/\d\d-\d\d \d\d:\d\d:\d\d/, 'TIME'))).toEqual([
      'Ctrl-C ends it; the jobs go on.',
      '',
      'Job  Type        Status   Since (UTC)     Details',
      'bot  continuous  pending  TIME  1 of 2 attempts failed',
      '',
    ]);
  });

  it('gives it back also when it fails', async () => {
    service.script({ status: 403, body: { error: ['No.'], code: 'caller.forbidden' } });
    service.beside({ events: [[begin]] });
    const { code, sent } = await watchOn(80, 24, 'never');
    expect(code).toBe(1);
    expect(sent.endsWith(leave)).toBe(true);
  });

  it('asks what a part makes of its job, which has the row', async () => {
    const update = makeJob({ name: 'update', job_type: 'scheduled', status: makeStatus('running') });
    service.script(listed(update), listed({ ...update, status: makeStatus('failed') }));
    const part = { job: 'update-fr', group: 'update', job_type: 'scheduled', status: makeStatus('failed') };
    service.beside({ events: [[begin + event('job.changed', part)]] });
    const { pictures } = await watchOn(100, 24, 'failed');
    expect(pictures.at(-1)?.filter((line) => line.startsWith('update'))).toEqual([
      expect.stringMatching(/^update +scheduled +failed/),
    ]);
  });

  it('says that there are no jobs', async () => {
    service.script(listed());
    service.beside({ events: [[begin]] });
    const { pictures } = await watchOn(80, 24, 'This tool has no jobs.');
    expect(pictures[0]).toContain('Asking for the jobs …');
    expect(pictures.at(-1)).toContain('This tool has no jobs.');
  });

  it('says of a schedule whether it waits or is suspended', async () => {
    const status = makeStatus('pending');
    const nightly = makeJob({ name: 'nightly', job_type: 'scheduled', status });
    service.script(listed(nightly, { ...nightly, name: 'rests', suspend: true }));
    service.beside({ events: [[begin]] });
    const { pictures } = await watchOn(100, 24, 'rests');
    const rows = pictures.at(-1)?.filter((line) => line.includes('scheduled'));
    expect(rows).toEqual([expect.stringContaining('waiting'), expect.stringContaining('suspended')]);
  });

  it('never draws more than fits, and where jobs are left out shows those that were heard of last', async () => {
    const many = Array.from({ length: 128 }, (_, at) => makeJob({ name: `job-${String(at).padStart(3, '0')}` }));
    service.script(listed(...many));
    const long = [
      'a long explanation of what keeps it from starting, longer than any terminal of ours is wide, so that it is cut',
    ];
    service.beside({ events: [[begin + changed('job-127', 'failed', long)]] });
    const { pictures } = await watchOn(60, 10, 'failed');
    const last = pictures.at(-1) ?? [];
    expect(Math.max(...last.map((line) => line.length))).toBe(60);
    expect(last.filter((line) => line !== '')).toHaveLength(9);
    expect(last.find((line) => line.startsWith('job-127'))).toMatch(/failed.*…$/);
    expect(last).toContain('and 122 more, of which nothing newer was heard');
  });

  it('sends no character of a job that drives the terminal', async () => {
    const texts = hostileTexts(300);
    service.script({
      body: { jobs: texts.map((name) => makeJob({ name })), messages: { ...noMessages, warning: texts.slice(0, 2) } },
    });
    service.beside({ events: [[begin + changed('last', 'running', texts)]] });
    const { sent } = await watchOn(200, 400, 'last');
    const drawn = sent
      .replaceAll(enter, '')
      .replaceAll(leave, '')
      .replaceAll(`${esc}[H`, '')
      .replaceAll(`${esc}[K`, '')
      .replaceAll(`${esc}[J`, '');
    expect(/[^\x20-\x7e\r\n…]/.exec(drawn)?.[0]).toBeUndefined();
    expect(/\r(?!\n)/.test(drawn)).toBe(false);
  });
});

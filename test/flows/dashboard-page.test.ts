/** The page of the dashboard in a real Chromium, over the real server of the command line; what the service would answer is set here. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBrowser } from '../../bin/dashboard/browser.ts';
import { type Chromium, startChromium, type Tab } from '../support/chromium.ts';
import { until } from '../support/sandbox.ts';
import { type ScriptedTool, said, startScriptedTool } from '../support/scripted-tool.ts';

let chromium: Chromium;
beforeAll(async () => {
  chromium = await startChromium();
});
afterAll(() => chromium?.close());

let tool: ScriptedTool;
let tab: Tab;
beforeEach(async () => {
  tool = await startScriptedTool();
  tab = await chromium.open();
});
afterEach(async () => {
  expect(tab.complaints).toEqual([]);
  await tab.close();
  await tool.stop();
});

interface JobParts {
  readonly type?: string;
  readonly short?: string;
  readonly words?: string;
  readonly messages?: readonly string[];
  readonly cmd?: string;
}

/** A one-off job that runs, as the service answers it; one named change at a time. */
function makeJob(name: string, parts: JobParts = {}): Record<string, unknown> {
  const { type = 'one-off', short = 'running', words = 'Running for 3s', messages = [], cmd = './x' } = parts;
  const next =
    type === 'scheduled' ? { next_schedule: '2099-03-01T04:17:00Z', next_schedules: ['2099-03-01T04:17:00Z'] } : {};
  return {
    name,
    cmd,
    job_type: type,
    image: 'bookworm',
    memory: '0.5Gi',
    cpu: '0.1',
    emails: 'none',
    status_short: words,
    status: { short, duration: '3s', up_to_date: true, messages, ...next },
    ...(type === 'scheduled' ? { schedule: '17 4 * * *', last_run: { outcome: 'failed', in_a_row: 3 } } : {}),
  };
}

const makeRun = (id: string, job: string, outcome: string, message: string) => ({
  id,
  job,
  outcome,
  message,
  job_type: 'scheduled',
  due: '2026-03-01T04:17:00Z',
  created: '2026-03-01T04:17:00Z',
  started: '2026-03-01T04:17:01Z',
  finished: '2026-03-01T04:18:04Z',
  manual: false,
  attempts: 1,
});

function setJobs(...jobs: Record<string, unknown>[]): void {
  tool.answers.set('/jobs', said({ jobs }));
  for (const job of jobs) {
    tool.answers.set(`/jobs/${job.name}`, said({ job }));
    tool.answers.set(`/jobs/${job.name}/runs`, said({ runs: [] }));
  }
}

function setUsual(): void {
  setJobs(
    makeJob('bot', { type: 'continuous' }),
    makeJob('broken', { short: 'failed', words: 'Failed', messages: ['your program ended with code 3'] }),
    makeJob('report', { type: 'scheduled', short: 'pending', words: 'Waiting for scheduled time' }),
  );
  const runs = [
    makeRun('2', 'report', 'failed', 'your program ended with code 3'),
    makeRun('1', 'report', 'succeeded', 'finished'),
  ];
  tool.answers.set('/jobs/report/runs', said({ runs }));
  const events = [
    { job: 'report', happened: '2026-03-01T04:18:04Z', event: 'failed', reason: 'exit_code', message: 'mailed' },
  ];
  tool.answers.set('/mail-log', said({ events }));
  const items = [{ name: 'Memory', used: '8.0Gi', limit: '8.0Gi' }];
  tool.answers.set('/quotas', said({ quota: { categories: [{ name: 'Running jobs', items }] } }));
}

/** The address leads on to the page. */
async function enter(): Promise<void> {
  await tab.goTo(tool.dashboard.address);
  await tab.sees("location.pathname === '/' && document.title.includes('quick')", 'the page');
}
const textOf = (selector: string) => `document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`;
const shows = (selector: string, text: string) =>
  tab.sees(`(${textOf(selector)}).includes(${JSON.stringify(text)})`, text);
const goTo = (hash: string) => tab.ask(`location.hash = ${JSON.stringify(hash)}`);

describe('the page', () => {
  it('opens by its address once, is there over a reload, and is not for the next browser', async () => {
    setUsual();
    await enter();
    await shows('tbody', 'bot');
    expect(await tab.ask('location.href')).toBe(`${new URL(tool.dashboard.address).origin}/`);
    expect(await tab.ask('document.cookie')).toBe('');
    await tab.goTo(new URL('/', tool.dashboard.address).href);
    await shows('tbody', 'bot');
    const next = await chromium.open();
    await next.goTo(tool.dashboard.address);
    expect(await next.ask(textOf('body'))).toContain('This address has been used already');
    expect(tool.secondUses).toBe(1);
    await next.close();
  });

  it('opens from the file that a browser is given, though a file is another site', async () => {
    setUsual();
    const { file, forget } = await openBrowser('true', tool.dashboard.address);
    await tab.goTo(`file://${file}`);
    await shows('tbody', 'bot');
    await forget();
  });

  it('shows jobs with their state, last runs and next run, in words and not by colour alone', async () => {
    setUsual();
    await enter();
    await shows('#summary', '3 jobs: 1 failed, 1 running, 1 waiting.');
    await tab.sees("document.querySelector('.strip')", 'the runs of report');
    const rows = await tab.ask<string[]>(
      "[...document.querySelectorAll('tbody tr')].map((row) => row.innerText.replace(/\\s+/g, ' ').trim())",
    );
    expect(rows.map((row) => row.replace(/since \S+ \S+/, 'since …'))).toEqual([
      'bot continuous Running since … runs all the time',
      'broken one-off Failed since … your program ended with code 3 none yet',
      'report scheduled, 17 4 * * * Waiting for scheduled time since … failed (3 in a row) 2099-03-01 04:17',
    ]);
    expect(await tab.ask("document.querySelector('.strip').getAttribute('aria-label')")).toBe(
      'Last 2: 1 failed, 1 succeeded. The newest: failed (3 in a row).',
    );
  });

  it('changes by itself when a job does, says so aloud, and leaves the focus where it is', async () => {
    setUsual();
    await enter();
    await tab.sees("document.querySelector('.strip')", 'the runs of report');
    await tab.ask("document.querySelector('tbody a').focus()");
    setJobs(makeJob('bot', { type: 'continuous', short: 'failed', words: 'Failed' }));
    tool.tell('job.changed', { job: 'bot' });
    await shows('#announcer', 'bot: Failed. broken is gone. report is gone');
    expect(await tab.ask("document.querySelectorAll('tbody tr').length")).toBe(1);
    expect(await tab.ask('document.activeElement.textContent')).toBe('bot');
    setJobs(makeJob('bot', { type: 'continuous' }), makeJob('new'));
    tool.tell('job.changed', { job: 'new' });
    await shows('tbody', 'none yet');
    tool.tell('run.ended', makeRun('9', 'new', 'succeeded', 'finished'));
    await shows('tbody .newest', 'succeeded');
    tool.tell('run.ended', { ...makeRun('10', 'new-part', 'failed', 'it broke'), group: 'new' });
    await shows('tbody .newest', 'failed');
  });

  it('has the runs anew after it has missed events, and those of a former job of a name never', async () => {
    setUsual();
    await enter();
    await shows('tbody .newest', 'failed (3 in a row)');
    tool.answers.set('/jobs/report/runs', said({ runs: [makeRun('3', 'report', 'skipped', 'its starting deadline')] }));
    tool.tell('reset', {});
    await shows('tbody .newest', 'skipped');
    tool.tell('run.ended', makeRun('9', 'once', 'failed', 'it broke'));
    tool.tell('job.gone', { job: 'once' });
    setJobs(makeJob('once'));
    tool.tell('job.changed', { job: 'once' });
    await shows('tbody', 'none yet');
    // Parts go by their own names, and their runs are of the job.
    setJobs();
    tool.tell('job.gone', { job: 'once' });
    await shows('.empty', 'This tool has no jobs.');
    const listings = () => tool.asked.filter((path) => path === '/jobs').length;
    const before = listings();
    tool.tell('run.ended', { ...makeRun('10', 'grid-a', 'failed', 'it broke'), group: 'grid' });
    tool.tell('job.gone', { job: 'grid-a', group: 'grid' });
    await until(async () => listings() > before, 'the jobs are asked for');
    setJobs(makeJob('grid'));
    tool.tell('job.changed', { job: 'grid-a', group: 'grid' });
    await shows('tbody', 'grid');
    await shows('tbody', 'none yet');
  });

  it('shows why a run ended as it did, and what the job has written', async () => {
    setUsual();
    tool.lines.push({ pod: 'report.out', container: 'stdout', timestamp: null, message: 'Traceback <b>bold</b>' });
    await enter();
    await goTo('#/job/report');
    await shows('pre', '[report.out] [stdout] Traceback <b>bold</b>');
    await shows('tbody', 'your program ended with code 3');
    expect(await tab.ask(textOf('dl'))).toContain('2099-03-01 04:17');
    expect(await tab.ask(textOf('tbody'))).toContain('1 min 3 s');
    tool.lines.push({ pod: 'report.out', container: 'stdout', timestamp: null, message: 'one more' });
    tool.tell('job.changed', { job: 'report' });
    await shows('pre', 'one more');
  });

  it('shows each run with its reason, what it took, and what is kept of its output', async () => {
    setUsual();
    const run = { ...makeRun('2', 'report', 'failed', 'your program ended with code 3'), exit_code: 3 };
    const measured = { ...run, peak_memory: 430 * 2 ** 20, memory_limit: 512 * 2 ** 20, peak_cpu: 350 };
    tool.answers.set('/jobs/report/runs', said({ runs: [measured] }));
    tool.lines.push({ pod: 'report-1', container: 'job', timestamp: '2026-03-01T04:18:03Z', message: 'Traceback' });
    await enter();
    await goTo('#/job/report');
    await tab.sees("document.querySelector('tbody a')", 'the runs');
    await tab.ask("document.querySelector('tbody a').focus()");
    // What is loaded anew leaves the focus where it is.
    tool.tell('run.ended', measured);
    tool.tell('job.changed', { job: 'report' });
    await shows('#connection', 'Live');
    await tab.press('Enter');
    await shows('h1', 'Run of report');
    await shows('dl', 'Exit code');
    await shows('pre', '2026-03-01 04:18:03 [report-1] [job] Traceback');
    expect(tool.asked).toContain('logs of report {"lines":200,"run":"2"}');
    expect(await tab.ask("document.querySelector('dl').innerText.replaceAll('\\n\\n', '\\n')")).toBe(
      'Outcome\nfailed\nWhy\nyour program ended with code 3\nAsked for\nby its schedule\nDue\n2026-03-01 04:17\n' +
        'Began\n2026-03-01 04:17\nRan for\n1 min 3 s\nExit code\n3\nAttempts\n1\n' +
        'Most memory\n430 of 512 MiB, as far as was sampled\nMost processor\n0.35 of one',
    );
  });

  it('lists the parts of a job, each with how it is, and leads from a part to its job', async () => {
    const [ran, broke] = [
      { ...makeJob('grid-a', { type: 'scheduled', short: 'pending', words: 'Waiting for scheduled time' }) },
      { ...makeJob('grid-b', { type: 'scheduled', short: 'failed', words: 'Failed' }), schedule: '5 * * * *' },
    ];
    setJobs({ ...makeJob('grid', { type: 'scheduled', short: 'failed', words: 'Failed' }), parts: [ran, broke] });
    tool.answers.set('/jobs/grid-b', said({ job: { ...broke, group: 'grid' } }));
    tool.answers.set('/jobs/grid-b/runs', said({ runs: [] }));
    await enter();
    await goTo('#/job/grid');
    await shows('tbody', 'grid-b');
    expect(
      await tab.ask(
        "[...document.querySelectorAll('tbody tr')].map((row) => row.innerText.replace(/\\s+/g, ' ').trim())",
      ),
    ).toEqual([
      'grid-a Waiting for scheduled time 17 4 * * * 2099-03-01 04:17',
      'grid-b Failed 5 * * * * 2099-03-01 04:17',
    ]);
    await tab.ask("document.querySelectorAll('tbody a')[1].click()");
    await shows('dl', 'Part of');
    await tab.ask("document.querySelector('dl a').click()");
    await shows('tbody', 'grid-a');
  });

  it('shows the mail log and the quota, and what is full', async () => {
    setUsual();
    await enter();
    await goTo('#/mail');
    await shows('tbody', 'failed (exit code)');
    await goTo('#/quota');
    await shows('tbody', '8.0Gi, full');
  });

  it('shows by itself that a mail was sent, though no job does anything', async () => {
    setUsual();
    const mailed = { job: 'report', happened: '2026-03-01T04:18:04Z', event: 'failed', reason: 'exit_code' };
    const setMail = (state: string, message: string) =>
      tool.answers.set('/mail-log', said({ events: [{ ...mailed, state, message }] }));
    setMail('gathered', 'for the next mail');
    await enter();
    await shows('tbody', 'bot');
    await goTo('#/mail');
    await shows('tbody', 'for the next mail');
    // Once this is said, the page loads once more, for the last thing that it has heard.
    setJobs(makeJob('last'));
    tool.tell('job.changed', { job: 'last' });
    await shows('#announcer', '4 jobs have changed');
    await tab.ask("document.querySelector('tbody a').focus()");
    setMail('deferred', 'tried again soon');
    await shows('tbody', 'tried again soon');
    setMail('sent', 'in a mail of 04:20');
    await shows('tbody', 'in a mail of 04:20');
    expect(await tab.ask('document.activeElement.textContent')).toBe('report');
  });

  it('takes no text for markup, wherever it comes from', async () => {
    const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    setJobs(makeJob('evil', { short: 'failed', words: evil, messages: [evil], cmd: evil }));
    tool.answers.set('/jobs/evil/runs', said({ runs: [makeRun('1', 'evil', 'failed', evil)] }));
    tool.lines.push({ pod: evil, container: evil, timestamp: null, message: evil });
    await enter();
    await shows('tbody', evil);
    await goTo('#/job/evil');
    await shows('pre', evil);
    await shows('dl', evil);
    expect(await tab.ask("document.querySelectorAll('main img, main script').length")).toBe(0);
    expect(await tab.ask('document.title')).toBe('Job evil – quick');
  });

  it('says in words that there are no jobs, that none matches, and that a job has gone', async () => {
    await enter();
    await shows('.empty', 'This tool has no jobs.');
    setUsual();
    tool.tell('reset', {});
    await shows('tbody', 'bot');
    await tab.ask("(() => { filter.value = 'nothing such'; filter.dispatchEvent(new Event('input')); })()");
    await shows('.empty', 'No job matches “nothing such”.');
    await tab.ask("(() => { filter.value = 'failed'; filter.dispatchEvent(new Event('input')); })()");
    await tab.sees("document.querySelectorAll('tbody tr').length === 1", 'only what has failed');
  });

  it('shows the jobs where an address names nothing that can be, over a reload as well', async () => {
    setUsual();
    await enter();
    await goTo('#/job/%');
    await tab.goTo(`${new URL('/', tool.dashboard.address).href}?#/job/%`);
    await shows('tbody', 'bot');
    for (const hash of ['#/job/report/%', '#/job/%E0/2']) {
      await goTo('#/job/report');
      await shows('h1', 'report');
      await goTo(hash);
      await shows('h1', 'Jobs');
    }
  });

  it('says that the service is away, keeps what was seen, and goes on', async () => {
    setUsual();
    await enter();
    await shows('#connection', 'Live');
    await shows('tbody', 'report');
    tool.breakOff();
    await shows(
      '#connection',
      'The service at https://jobs.example.org could not be reached. What is shown may be old',
    );
    expect(await tab.ask("document.querySelectorAll('tbody tr').length")).toBe(3);
    setJobs(makeJob('back'));
    tool.comeBack();
    await shows('#connection', 'Live');
    tool.tell('job.changed', { job: 'back' });
    await shows('tbody', 'back');
  });

  it('is live in as many tabs as somebody opens, and in a former one again when that is seen again', async () => {
    setUsual();
    await enter();
    await shows('#connection', 'Live');
    for (let count = 0; count < 7; count++) {
      const beside = await tab.openBeside();
      await beside.goTo(new URL('/', tool.dashboard.address).href);
      await beside.sees(`(${textOf('#connection')}) === 'Live'`, 'it is live');
      await beside.sees(`(${textOf('tbody')}).includes('report')`, 'it has the jobs');
      expect(beside.complaints).toEqual([]);
    }
    expect(await tab.ask('document.hidden')).toBe(true);
    // Heard of by the tabs that are seen.
    const runs = [makeRun('3', 'report', 'skipped', 'its starting deadline')];
    tool.answers.set('/jobs/report/runs', said({ runs }));
    tool.tell('run.ended', runs[0] as object);
    setJobs(makeJob('report', { type: 'scheduled' }), makeJob('new'));
    tool.answers.set('/jobs/report/runs', said({ runs }));
    await tab.bringToFront();
    await shows('tbody', 'new');
    await shows('tbody .newest', 'skipped');
  });

  it('shows 128 jobs, and asks for the runs of those alone that are seen', async () => {
    setJobs(...Array.from({ length: 128 }, (_, at) => makeJob(`job-${at}`)));
    await enter();
    await tab.sees("document.querySelectorAll('tbody tr').length === 128", 'all jobs');
    const names = await tab.ask<string[]>("[...document.querySelectorAll('tbody a')].map((link) => link.textContent)");
    expect(names.slice(8, 12)).toEqual(['job-8', 'job-9', 'job-10', 'job-11']);
    const isKnown = (name: string) =>
      `[...document.querySelectorAll('tbody tr')].find((row) => row.querySelector('a').textContent === '${name}').innerText.includes('none yet')`;
    await tab.sees(isKnown('job-5'), 'the runs of job-5');
    expect(tool.asked.filter((path) => path.endsWith('/runs')).length).toBeLessThan(20);
    await tab.ask('scrollTo(0, document.body.scrollHeight)');
    await tab.sees(isKnown('job-127'), 'the runs of the last job');
    expect(tool.asked.filter((path) => path.endsWith('/runs')).length).toBeLessThan(60);
  });
});

describe('with the keyboard alone', () => {
  it('everything is reached, seen to be reached, and comes in order', async () => {
    setUsual();
    await enter();
    await tab.sees("document.querySelector('.strip')", 'the page is whole');
    const walked: string[] = [];
    for (let at = 0; at < 8; at++) {
      await tab.press('Tab');
      walked.push(await tab.ask('document.activeElement.id || document.activeElement.textContent'));
      const outline = await tab.ask<string>('getComputedStyle(document.activeElement).outlineStyle');
      expect([walked.at(-1), outline]).toEqual([walked.at(-1), 'solid']);
    }
    expect(walked).toEqual(['Skip to the content', 'Jobs', 'Mail', 'Quota', 'filter', 'bot', 'broken', 'report']);
    await tab.press('Enter');
    await tab.sees("document.activeElement.id === 'title'", 'the heading of the job has the focus');
    expect(await tab.ask('document.activeElement.textContent')).toBe('report');
    await tab.press('Tab', { shift: true });
    expect(await tab.ask('document.activeElement.textContent')).toBe('← All jobs');
    await tab.press('Enter');
    await tab.sees("document.querySelector('#title').textContent === 'Jobs'", 'all jobs again');
  });
});

describe('for everybody', () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  /** What keeps somebody from using the page, with the place (WCAG 2.2, levels A and AA). */
  const hindrances = async () => {
    await tab.ask(`${axe};0`);
    return tab.ask<string[]>(
      'axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + target)))',
    );
  };
  const screens = [{ scheme: 'light' }, { scheme: 'dark' }, { scheme: 'light', width: 320, height: 640 }] as const;

  it.each(screens)('nothing stands in the way on %j, and nothing is wider than the screen', async (screen) => {
    setUsual();
    tool.lines.push({ pod: 'report.out', container: 'stdout', timestamp: null, message: 'x'.repeat(500) });
    await tab.look(screen);
    await enter();
    for (const [hash, selector] of [
      ['#/jobs', '.strip'],
      ['#/job/report', 'pre:not([hidden])'],
      ['#/job/report/2', 'dl'],
      ['#/mail', 'tbody'],
      ['#/quota', 'tbody'],
    ] as const) {
      await goTo(hash);
      await tab.sees(`document.querySelector(${JSON.stringify(selector)})`, hash);
      expect(await hindrances()).toEqual([]);
      expect(
        await tab.ask('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
      ).toBeLessThanOrEqual(0);
    }
    tool.breakOff();
    await shows('#connection', 'could not be reached');
    expect(await hindrances()).toEqual([]);
  });
});

/** `watch` and `dashboard` as their users have them: from dist/, against the real service, with jobs that really run. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chromium, startChromium, type Tab } from '../support/chromium.ts';
import { mistakesIn } from '../support/daemon-log.ts';
import { cluster } from '../support/flow-cluster.ts';
import { type Begun, createSandbox, type Sandbox, until } from '../support/sandbox.ts';

const tool = 'looks';
let sandbox: Sandbox;
let chromium: Chromium;
let dashboard: Begun;
let watching: Begun;
let tab: Tab;
beforeAll(async () => {
  sandbox = await createSandbox({ cluster, dir: join(cluster.stateDir, 'dashboard'), name: 'flow-dashboard' });
  await sandbox.addTool(tool);
  [chromium] = await Promise.all([startChromium(), sandbox.start()]);
  dashboard = sandbox.begin(tool, 'dashboard', '--no-open', '--output', 'json');
  watching = sandbox.begin(tool, 'watch');
  const { url } = JSON.parse(await until(() => dashboard.stdout().trim(), 'the dashboard says where it is'));
  tab = await chromium.open();
  await tab.goTo(url);
  await shows('#connection', 'Live');
});
afterAll(async () => {
  await chromium?.close();
  await sandbox?.stop();
  await sandbox?.removeTool(tool);
});

const textOf = (selector: string) => `document.querySelector(${JSON.stringify(selector)})?.textContent ?? ''`;
const shows = (selector: string, text: string) =>
  tab.sees(`(${textOf(selector)}).includes(${JSON.stringify(text)})`, `${selector}: ${text}`);
const run = (name: string, command: string, ...more: string[]) =>
  sandbox.jobs(tool, 'run', name, '--image', 'bookworm', '--command', command, ...more);

describe('the dashboard and watch', () => {
  it('show jobs that begin, run, fail and go, by themselves', async () => {
    await shows('.empty', 'This tool has no jobs.');
    await run('bot', 'echo the bot is up; trap exit TERM; sleep 600 & wait', '--continuous', '--filelog');
    await run('broken', 'exit 3');
    await run('nightly', 'echo x', '--schedule', '17 4 * * *');
    await shows('tbody', 'bot');
    await tab.sees(
      "[...document.querySelectorAll('tr')].some((row) => /bot[^]*Running/.test(row.innerText))",
      'bot runs',
    );
    await tab.sees(
      "[...document.querySelectorAll('tr')].some((row) => /broken[^]*your program ended with code 3[^]*failed/.test(row.innerText))",
      'broken has failed, and its run stands in the strip',
    );
    await tab.sees(
      "[...document.querySelectorAll('tr')].some((row) => /nightly[^]*04:17/.test(row.innerText))",
      'when nightly runs next',
    );
    await until(() => /^[-\d]+ [:\d]+ bot: running$/m.test(watching.stdout()), 'watch says that bot runs');
    await until(
      () => watching.stdout().includes(' broken: run failed: your program ended with code 3\n'),
      'watch says that broken has failed',
    );
    await sandbox.jobs(tool, 'delete', 'nightly');
    await tab.sees(`!(${textOf('main')}).includes('nightly')`, 'nightly is gone');
    await until(() => watching.stdout().includes(' nightly: gone\n'), 'watch says that nightly is gone');
  });

  it('show what a job has written, the mail log and the quota', async () => {
    await tab.ask("location.hash = '#/job/bot'");
    await shows('pre', 'the bot is up');
    expect(tab.complaints).toEqual([]);
    // By then it may have gone; what is known of its run stays.
    await tab.ask("location.hash = '#/job/broken'");
    await shows('tbody', 'your program ended with code 3');
    await tab.ask("location.hash = '#/quota'");
    await shows('tbody', 'Kubernetes pods');
    await tab.ask("location.hash = '#/mail'");
    await shows('tbody', 'broken');
    await tab.ask("location.hash = '#/jobs'");
  });

  it('say that the service is away, and go on when it is back', async () => {
    await sandbox.stop();
    await shows('#connection', 'What is shown may be old');
    await shows('tbody', 'bot');
    await sandbox.start();
    await shows('#connection', 'Live');
    await sandbox.jobs(tool, 'delete', 'bot');
    await tab.sees(`!(${textOf('main')}).includes('bot')`, 'bot is gone');
    await until(() => watching.stdout().includes(' bot: gone\n'), 'watch goes on');
  });

  it('end with Ctrl-C, and the page says so', async () => {
    for (const begun of [dashboard, watching]) begun.signal('SIGINT');
    expect((await dashboard.result).code).toBe(130);
    const { code, stderr } = await watching.result;
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /^WARNING: .*Watching on as soon as the service answers\.\nINFO: The service answers again\.\n$/,
    );
    await shows('#connection', 'The command behind this page has ended');
    expect(await mistakesIn(sandbox.logFile)).toEqual([]);
  });
});

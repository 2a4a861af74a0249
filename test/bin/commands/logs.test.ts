import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cut, runMain, type Service, startService } from '../scripted-service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const line = (message: string, more: object = {}) =>
  `${JSON.stringify({
    pod: 'bot-1',
    container: 'job',
    datetime: '2026-07-01T12:00:00+00:00',
    message,
    source: 'pod',
    stream: 'both',
    timestamp: '2026-07-01T12:00:00.5Z',
    ...more,
  })}\n`;
const ofFile = { pod: 'bot.out', container: 'stdout', source: 'file', stream: 'stdout', timestamp: null };
const run = (...words: string[]) => runMain(['logs', 'bot', ...words], { env: service.env });

describe('logs', () => {
  it('prints a line for each, with its time where that is known', async () => {
    service.script({ body: line('hello') + line('from a file', ofFile) });
    const { code, stdout } = await run();
    expect(code).toBe(0);
    expect(stdout).toBe('2026-07-01T12:00:00+00:00 [bot-1] [job] hello\n- [bot.out] [stdout] from a file\n');
    expect(service.requests[0]?.path).toBe('/jobs/v1/tool/quick/jobs/bot/logs');
  });

  it('asks for what was asked of it', async () => {
    service.script({ body: '' });
    await run('-l', '5', '--since', '10m', '--follow');
    expect(service.requests[0]?.path).toBe('/jobs/v1/tool/quick/jobs/bot/logs?lines=5&since=10m&follow=true');
    service.script({ body: '' });
    for (const wrong of ['x', '-1', '5001']) expect((await run(`--last=${wrong}`)).code).toBe(2);
    expect(service.requests).toEqual([]);
  });

  it('asks for no run without an id', async () => {
    service.script();
    const { code, stderr } = await runMain(['logs', 'x', '--run='], { env: service.env });
    expect([code, stderr]).toEqual([2, expect.stringContaining('--run needs the id of a run')]);
    expect(service.requests).toEqual([]);
  });

  it('sends nothing to the terminal that drives it', async () => {
    service.script({ body: line('a\u001b]0;x\u0007\r\u202eb') });
    expect((await run()).stdout).toContain('] a\\x1b]0;x\\x07\\r\\u202eb\n');
    service.script({ body: line('a\u202eb\u009b') });
    const { stdout } = await run('--output', 'json');
    expect(stdout).not.toMatch(/[\u202e\u009b]/);
    expect(JSON.parse(stdout).message).toBe('a\u202eb\u009b');
  });

  it('passes by what is no line of a log', async () => {
    service.script({ body: `\n  \nnot json\n[]\n${line('one')}` });
    expect((await run()).stdout.split('\n')).toHaveLength(2);
  });

  it('says why there is none', async () => {
    service.script({ status: 404, body: { error: ["Job 'bot' does not have any logs available"], code: 'logs.none' } });
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toContain("Job 'bot' does not have any logs available");
  });

  it('goes on from the last line where the connection breaks, and says so', async () => {
    service.script(
      { body: line('one'), isCutOff: true },
      { status: 503, body: { error: ['Not ready.'], code: 'view.not_ready' } },
      { body: line('two', { timestamp: '2026-07-01T12:00:01Z' }) },
    );
    const { code, stdout, stderr } = await run('-f', '--last', '7');
    expect(code).toBe(0);
    expect(stdout.split('\n').map((text) => text.split(' ').at(-1))).toEqual(['one', 'two', '']);
    expect(stderr.match(/Going on/g)).toHaveLength(1);
    expect(service.requests.map(({ path }) => path.split('?')[1])).toEqual([
      'lines=7&follow=true',
      ...['', ''].map(() => 'follow=true&lines=0&since=2026-07-01T12%3A00%3A00.5Z'),
    ]);
  });

  it('ends where the job is gone when the connection is back', async () => {
    service.script(
      { body: line('one', ofFile), isCutOff: true },
      { status: 404, body: { error: ["Job 'bot' does not exist"], code: 'job.not_found' } },
    );
    const { code, stderr } = await run('-f');
    expect(code).toBe(0);
    expect(stderr).toContain('What is written to files meanwhile will not be shown.');
  });

  it('that breaks off is an error where it is not followed, and where it never began', async () => {
    service.script({ body: cut });
    expect((await run()).code).toBe(2);
    service.script({ body: cut });
    expect((await run('-f')).code).toBe(2);
  });
});

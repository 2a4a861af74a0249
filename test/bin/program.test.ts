import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltDoor, buildDoor } from '../support/build-door.ts';
import { hostileTexts } from './hostile-texts.ts';
import { makeJob, noMessages, type Service, startService } from './scripted-service.ts';

let service: Service;
let door: BuiltDoor;
beforeAll(async () => {
  [service, door] = await Promise.all([startService(), buildDoor('jobs')]);
});
afterAll(() => Promise.all([service.close(), door.remove()]));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function execute(program: string, words: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      program,
      words,
      { env: { ...service.env, PATH: process.env.PATH }, maxBuffer: 1e8 },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

/** What the program itself draws, and erases, when it takes more than a second. */
const progress = new RegExp(`\\r${String.fromCharCode(27)}\\[K(?:[ -~]* \\(\\d+ s\\))?`, 'g');

/** util-linux's script(1) runs a program on a pseudo-terminal. */
const hasScript = spawnSync('script', ['--version']).status === 0;

describe('the program', { timeout: 20_000 }, () => {
  it('runs, also through a link, and tells its exit code', async () => {
    service.script({ body: { jobs: [makeJob()], messages: noMessages } });
    const link = join(service.home, 'toolforge-jobs');
    symlinkSync(door.path, link);
    expect(await execute(process.execPath, [link, 'list', '-o', 'name'])).toEqual({
      code: 0,
      stdout: 'test-job\n',
      stderr: '',
    });
    expect((await execute(process.execPath, [door.path, 'lst'])).code).toBe(2);
  });

  it('is content when its reader has read enough', async () => {
    service.script({ body: { jobs: Array.from({ length: 5_000 }, () => makeJob()), messages: noMessages } });
    const ran = await execute('sh', ['-c', `'${process.execPath}' '${door.path}' list | head -1`]);
    expect(ran.stderr).toBe('');
  });

  it('loads what is piped in, and dumps into a pipe', async () => {
    service.script({ body: { job_changed: true, messages: noMessages } });
    const node = `'${process.execPath}' '${door.path}'`;
    const file = '- {name: a, command: ./a, image: bookworm}';
    const loaded = await execute('sh', ['-c', `printf '%s' '${file}' | ${node} load -`]);
    expect(loaded).toEqual({ code: 0, stdout: '', stderr: 'INFO: 1 job(s) loaded successfully\n' });
    expect(service.requests).toMatchObject([
      { method: 'PATCH', body: { name: 'a', cmd: './a', imagename: 'bookworm' } },
    ]);
    service.script({ body: { jobs: [{ name: 'a', cmd: './a', imagename: 'bookworm' }], messages: noMessages } });
    const dumped = await execute('sh', ['-c', `${node} dump -f /dev/stdout | cat`]);
    expect(dumped).toEqual({ code: 0, stdout: '- command: ./a\n  image: bookworm\n  name: a\n', stderr: '' });
  });

  it('completes names in bash', async () => {
    service.script({ body: { jobs: [{ name: 'nightly' }, { name: 'bot' }], messages: noMessages } });
    const directory = join(service.home, 'bin');
    mkdirSync(directory);
    const program = join(directory, 'toolforge-jobs');
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${door.path}' "$@"\n`, { mode: 0o755 });
    const driver = `
      PATH='${directory}':$PATH
      source <(toolforge-jobs completion bash)
      COMP_LINE='toolforge-jobs delete ni' COMP_POINT=24 COMP_WORDS=(toolforge-jobs delete ni) COMP_CWORD=2
      _toolforge_jobs
      printf '%s\\n' "\${COMPREPLY[@]}"
    `;
    expect(await execute('bash', ['-c', driver])).toEqual({ code: 0, stdout: 'nightly\n', stderr: '' });
  });

  it('ends with 130 on Ctrl-C', async () => {
    service.script({ body: { job: makeJob(), messages: noMessages } });
    const child = spawn(process.execPath, [door.path, 'run', 'test-job', '--command', 'x', '--image', 'y', '--wait'], {
      env: service.env,
    });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    await expect.poll(() => service.requests.length, { timeout: 10_000 }).toBeGreaterThan(1);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
  });

  it.skipIf(!hasScript)('gives a real terminal back when a watch ends, by Ctrl-C or by force', async () => {
    const begin = 'id: life-0\n\n';
    service.script({ body: { jobs: [makeJob({ name: 'on-screen' })], messages: noMessages } });
    service.beside({ events: [[begin]] });
    const ends: readonly ((pid: number, type: (text: string) => void) => void)[] = [
      (_pid, type) => type('\x03'),
      (pid) => process.kill(pid, 'SIGTERM'),
    ];
    for (const end of ends) {
      const line = `exec '${process.execPath}' '${door.path}' watch`;
      const child = spawn('script', ['-qec', line, '/dev/null'], {
        env: { ...service.env, PATH: process.env.PATH, TERM: 'xterm', SHELL: '/bin/sh' },
      });
      const ended = new Promise((resolve) => child.on('close', resolve));
      let seen = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        seen += text;
      });
      await expect.poll(() => seen, { timeout: 10_000 }).toContain('on-screen');
      const [pid] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
      end(Number(pid), (text) => child.stdin.write(text));
      await ended;
      expect(seen).toContain('\x1b[?1049h\x1b[?25l');
      expect(seen.split('\x1b[?25h\x1b[?1049l')).toHaveLength(2);
    }
  });

  it.skipIf(!hasScript)('lets 5,000 hostile jobs send nothing to a real terminal', async () => {
    const jobs = hostileTexts(5_000).map((text) => makeJob({ name: text, status_short: text }));
    service.script({ body: { jobs, messages: { ...noMessages, warning: hostileTexts(100) } } });
    for (const form of ['normal', 'json']) {
      const line = `NO_COLOR=1 '${process.execPath}' '${door.path}' list -o ${form}`;
      const { stdout: seen } = await execute('script', ['-qec', line, '/dev/null']);
      const stdout = seen.replaceAll(progress, '');
      expect(stdout.length).toBeGreaterThan(500_000);
      expect(/[^\x20-\x7e\r\n]/.exec(stdout)?.[0]).toBeUndefined();
      // The pseudo-terminal itself makes \n into \r\n; no other carriage return may come.
      expect(/\r(?!\n)/.test(stdout)).toBe(false);
    }
  });
});

import { cac } from 'cac';
import { describe, expect, it } from 'vitest';
import { commandTable } from '../../../bin/commands/command-table.ts';
import { newJob } from '../../../bin/commands/new-job.ts';
import { readArguments } from '../../../bin/terminal/arguments.ts';

const cli = cac('jobs');
const command = cli.command('run <name>', '');
const run = commandTable.find(({ usage }) => usage === 'run <name>');
for (const { words } of run?.options ?? []) command.option(words, '');

const needed = ['run', 'x', '--command', './x', '--image', 'bookworm'];
const body = (...words: string[]) => newJob(readArguments([...needed, ...words], cli.commands, []));

describe('the body of a new job', () => {
  it('holds only what was asked for', () => {
    expect(body()).toEqual({ name: 'x', cmd: './x', imagename: 'bookworm' });
    expect(body('--wait')).toEqual(body());
  });

  it('holds all schedules, and the values of each variable', () => {
    const words = [
      '--schedule',
      '0 6 * * *',
      '--schedule',
      '30 18 * * *',
      '--matrix',
      'A=x=y',
      '--matrix',
      'A=',
      '--matrix',
      'B=1',
    ];
    expect(body(...words)).toMatchObject({
      schedules: ['0 6 * * *', '30 18 * * *'],
      matrix: { A: ['x=y', ''], B: ['1'] },
    });
    expect(() => body('--matrix', 'A')).toThrow(
      "--matrix must be a name and its value, such as WIKI=frwiki; 'A' is not.",
    );
  });

  it('holds everything that was asked for, as the service names it', () => {
    expect(
      body(
        '--schedule',
        '@daily',
        '--mem',
        '1e3',
        '--cpu',
        '0x10',
        '--emails',
        'all',
        '--filelog',
        '--filelog-stdout',
        'o',
        '--filelog-stderr',
        'e',
        '--retry',
        '0',
        '--mount',
        'all',
        '--timeout',
        '60',
      ),
    ).toEqual({
      name: 'x',
      cmd: './x',
      imagename: 'bookworm',
      schedule: '@daily',
      memory: '1e3',
      cpu: '0x10',
      emails: 'all',
      filelog: true,
      filelog_stdout: 'o',
      filelog_stderr: 'e',
      retry: 0,
      mount: 'all',
      timeout: 60,
    });
    expect(body('--continuous', '--replicas', '2', '--no-filelog')).toMatchObject({
      continuous: true,
      replicas: 2,
      filelog: false,
    });
  });

  it.each([
    [['--port', '8080'], { port: 8080, port_protocol: 'tcp' }],
    [['-p', '5353/UDP'], { port: 5353, port_protocol: 'udp' }],
    [
      ['-p8080/tcp', '--health-check-http', '/ok', '--publish'],
      { port: 8080, port_protocol: 'tcp', health_check: { type: 'http', path: '/ok' }, publish: true },
    ],
    [['--health-check-script', './ok -x'], { health_check: { type: 'script', script: './ok -x' } }],
  ])('of a continuous job says how to reach it and whether it is well: %j', (words, part) => {
    expect(body('--continuous', ...words)).toEqual({ ...body(), continuous: true, ...part });
  });

  it('has the variables that are given, as they are typed', () => {
    const words = ['--param', 'WIKI=frwiki', '--param=QUERY=a=b $(X)', '--param', 'EMPTY=', '--param', 'WIKI=dewiki'];
    expect(body(...words)).toEqual({ ...body(), parameters: { WIKI: 'dewiki', QUERY: 'a=b $(X)', EMPTY: '' } });
    expect(() => body('--param', 'WIKI')).toThrow(
      "--param must be a name and its value, such as WIKI=frwiki; 'WIKI' is not.",
    );
  });

  it('may have an empty command', () => {
    expect(body('--command', '')).toMatchObject({ cmd: '' });
  });

  it.each([
    [['--schedule', '@daily', '--wait'], '--wait cannot be used together with --schedule.'],
    [['--continuous', '--wait', '5'], '--wait cannot be used together with --continuous.'],
    [['--filelog', '--no-filelog'], '--no-filelog cannot be used together with --filelog.'],
    [['--emails', 'onfail'], "--emails must be one of none, all, onfinish, onfailure; 'onfail' is not."],
    [
      ['--health-check-script', 'x', '--health-check-http', '/'],
      '--health-check-http cannot be used together with --health-check-script.',
    ],
    [['--port', '0'], "--port must be a number from 1 to 65535, with /tcp or /udp behind it if need be; '0' is not."],
    [['--port', '65536'], '--port must be a number from 1 to 65535'],
    [['--port', '80/sctp'], '--port must be a number from 1 to 65535'],
    [['--port', '0x50'], '--port must be a number from 1 to 65535'],
    [['--mount', 'some'], "--mount must be one of all, none; 'some' is not."],
    [['--retry', '6'], "--retry must be a whole number from 0 to 5; '6' is not."],
    [['--retry', '1e0'], "--retry must be a whole number from 0 to 5; '1e0' is not."],
  ])('is not made from wrong usage: %j', (words, message) => {
    expect(() => body(...words)).toThrow(
      expect.objectContaining({ code: 'usage.invalid', message: expect.stringContaining(message) }),
    );
  });

  it('tells every misuse at once', () => {
    expect(() => body('--retry', '9', '--mount', 'x', '--filelog', '--no-filelog')).toThrow(
      expect.objectContaining({ code: 'usage.invalid', problems: expect.objectContaining({ length: 3 }) }),
    );
  });

  it('is not made without command and image', () => {
    const make = (...words: string[]) => newJob(readArguments(['run', 'x', ...words], cli.commands, []));
    expect(() => make()).toThrow("'run' needs --command and --image.");
    expect(() => make('--command', 'x')).toThrow("'run' needs --image.");
  });

  it.each([
    [['--filelog', '--mount', 'none'], 'Specifying --filelog requires --mount=all'],
    [['--image', 'tool-x/bot:latest', '--filelog'], 'Specifying --filelog requires --mount=all'],
    [['--no-filelog', '--filelog-stdout', 'o'], 'Specifying --filelog-stdout or --filelog-stderr requires --filelog'],
    [
      ['--image', 'tool-x/bot:latest', '--filelog-stderr', 'e'],
      'Specifying --filelog-stdout or --filelog-stderr requires --filelog',
    ],
    [['--schedule', '@daily', '--continuous'], "Only one of 'continuous' and 'schedule' can be set at the same time"],
    [['--health-check-script', 'x'], 'Health checks are only supported for continuous jobs.'],
    [['--continuous', '--health-check-http', '/'], '--health-check-http requires --port to be set as well'],
    [['--port', '80'], '--port is only valid for continuous jobs'],
    [['--continuous', '--timeout', '5'], '--timeout is only valid for scheduled jobs'],
    [['--replicas', '2'], '--replicas is only valid for continuous jobs'],
    [['--timeout', '5'], '--timeout is only valid for scheduled jobs'],
    [
      ['--timeout', '5', '--replicas', '2'],
      '--replicas is only valid for continuous jobs\n--timeout is only valid for scheduled jobs',
    ],
  ])('is not made where no job can be so: %j', (words, message) => {
    expect(() => body(...words)).toThrow(expect.objectContaining({ code: 'job.invalid', message }));
  });

  it('is made for an image built by a tool, with its files', () => {
    expect(body('--image', 'tool-x/bot:latest', '--filelog', '--mount', 'all', '--filelog-stdout', 'o')).toMatchObject({
      filelog: true,
    });
  });
});

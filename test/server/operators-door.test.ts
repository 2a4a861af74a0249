import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askDaemon } from '../../bin/admin/operators-door.ts';
import { createLog } from '../../src/log.ts';
import type { ParkedMail } from '../../src/mailbox.ts';
import {
  type OperatorsDoor,
  type OperatorsDoorOptions,
  openOperatorsDoor,
  type ParkedMails,
} from '../../src/server/operators-door.ts';
import { settingDefaults } from '../../src/settings.ts';
import { makeSnapshot, now } from '../support/facts.ts';
import { makeSealed } from '../support/notices.ts';

const parked: ParkedMail = {
  ...makeSealed(),
  parkedAt: Date.parse('2026-03-01T06:00:00Z'),
  tries: 3,
  why: 'the mail server mx.example.org refused it: 550 no',
  isRetried: false,
};
const id = encodeURIComponent(parked.messageId);
let directory: string;
let door: OperatorsDoor;
let path: string;
let asked: string[][];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'door-'));
  path = join(directory, 'operators/door');
  asked = [];
});
afterEach(async () => {
  await door.stop();
  await rm(directory, { recursive: true });
});

async function open(mail: Partial<ParkedMails> = {}): Promise<void> {
  door = await openOperatorsDoor({
    directory: join(directory, 'operators'),
    mail: {
      all: () => [{ tool: 'alpha', parked: [parked] }],
      retry: (...words) => asked.push(['retry', ...words]) > 0,
      drop: (...words) => asked.push(['drop', ...words]) > 0,
      ...mail,
    },
    settings,
    ...others,
    log: createLog({ level: 'silent' }),
  });
}

const settings: OperatorsDoorOptions['settings'] = {
  texts: () => ({ ...settingDefaults, debug: 'yes' }),
  seen: () => ({
    data: { debug: 'maybe', colour: 'secret', task_watch_pods_timeout: '60' },
    resourceVersion: '8',
    uid: 'u',
  }),
  state: () => ({
    version: '7',
    since: Date.parse('2026-03-01T06:00:00Z'),
    isCurrent: false,
    problems: ['debug: no'],
    source: 'ConfigMap',
  }),
};

const others: Pick<OperatorsDoorOptions, 'status' | 'jobs'> = {
  status: async () => ({ problems: ['The disk is full.'] }),
  jobs: {
    namespaces: () => ['tool-beta', 'tool-alpha', 'kube-system'],
    list: (namespace) =>
      namespace === 'tool-alpha' ? [makeSnapshot({ kind: 'Deployment', job: { name: 'bot' } })] : [],
    now: () => now,
  },
};

const summary = {
  tool: 'alpha',
  message_id: '<one@toolforge.org>',
  to: 'tools.alpha@toolforge.org',
  subject: '[Toolforge] [alpha] daily failed',
  sealed: '2026-03-01T04:20:42.000Z',
  parked: '2026-03-01T06:00:00.000Z',
  tries: 3,
  why: 'the mail server mx.example.org refused it: 550 no',
  events: 1,
  is_retried: false,
};

describe("the operators' door", () => {
  it('shows mails that were given up, and one with its bytes', async () => {
    await open();
    expect(await askDaemon(path, 'GET', '/mail')).toEqual({ mails: [summary] });
    expect(await askDaemon(path, 'GET', `/mail/${id}`)).toEqual({ mail: { ...summary, bytes: parked.bytes } });
  });

  it('has one tried again, or dropped, by the tool that it is of', async () => {
    await open();
    await askDaemon(path, 'POST', `/mail/${id}/retry`);
    await askDaemon(path, 'POST', `/mail/${id}/drop`);
    expect(asked).toEqual([
      ['retry', 'alpha', '<one@toolforge.org>'],
      ['drop', 'alpha', '<one@toolforge.org>'],
    ]);
  });

  it.each([
    ['GET', '/mail/%3Cother%40x%3E', 'mail.not_found'],
    ['POST', '/mail/%3Cother%40x%3E/retry', 'mail.not_found'],
    ['POST', `/mail/${id}`, 'route.not_found'],
    ['GET', `/mail/${id}/retry`, 'route.not_found'],
    ['POST', `/mail/${id}/burn`, 'route.not_found'],
    ['GET', '/', 'route.not_found'],
    ['GET', `/${'x'.repeat(4_000)}`, 'route.not_found'],
    ['GET', '/mail/%zz', 'route.not_found'],
  ] as const)('refuses %s %s', async (method, target, code) => {
    await open();
    await expect(askDaemon(path, method, target)).rejects.toMatchObject({ code });
    expect(asked).toEqual([]);
  });

  it('shows the settings in force and those of the map as it is, of keys that are ours', async () => {
    await open();
    expect(await askDaemon(path, 'GET', '/settings')).toEqual({
      version: '7',
      since: '2026-03-01T06:00:00.000Z',
      is_current: false,
      source: 'ConfigMap',
      problems: ['debug: no'],
      in_force: { ...settingDefaults, debug: 'yes' },
      defaults: settingDefaults,
      given: { debug: 'maybe' },
      not_read: ['colour'],
    });
  });

  it('tells how the service is, and the jobs of a tool as its owner sees them', async () => {
    await open();
    expect(await askDaemon(path, 'GET', '/status')).toEqual({ problems: ['The disk is full.'] });
    expect(await askDaemon(path, 'GET', '/tools')).toEqual({ tools: ['alpha', 'beta'] });
    expect(await askDaemon(path, 'GET', '/tools/alpha/jobs')).toMatchObject({
      jobs: [{ job_type: 'continuous', continuous: true, status_short: expect.any(String) }],
    });
    expect(await askDaemon(path, 'GET', '/tools/nobody/jobs')).toEqual({ jobs: [] });
    await expect(askDaemon(path, 'GET', '/tools/No%20Tool/jobs')).rejects.toMatchObject({ code: 'tool.invalid' });
  });

  it('says so where the mail has gone meanwhile', async () => {
    await open({ retry: () => false });
    await expect(askDaemon(path, 'POST', `/mail/${id}/retry`)).rejects.toMatchObject({ code: 'mail.not_found' });
  });

  it('is open to the user of the daemon only, however open the state directory is, and takes the place of one left behind', async () => {
    await chmod(directory, 0o777);
    await open();
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
    await door.stop();
    await chmod(join(path, '..'), 0o755);
    await open();
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
    await expect(askDaemon(path, 'GET', '/mail')).resolves.toBeDefined();
  });

  it('cannot be had where something else has its place, or at a path that is too long for a socket', async () => {
    await open();
    const long = join(directory, 'x'.repeat(100));
    const mail: ParkedMails = { all: () => [], retry: () => false, drop: () => false };
    const log = createLog({ level: 'silent' });
    const refusal = { code: 'settings.invalid' };
    await expect(openOperatorsDoor({ directory: long, mail, settings, ...others, log })).rejects.toMatchObject(refusal);
    await writeFile(join(directory, 'file'), '');
    await expect(
      openOperatorsDoor({ directory: join(directory, 'file'), mail, settings, ...others, log }),
    ).rejects.toMatchObject(refusal);
  });

  it('is closed when the daemon has ended, and the command says where it looked', async () => {
    await open();
    await door.stop();
    await expect(askDaemon(path, 'GET', '/mail')).rejects.toMatchObject({
      code: 'service.unreachable',
      message: expect.stringContaining(path),
    });
  });
});

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createLog } from '../src/log.ts';
import { checkWebhookUrl, openWebhooks, type WebhooksOptions } from '../src/webhooks.ts';
import { makeNotice } from './support/notices.ts';

const directories: string[] = [];
afterEach(async () => {
  await Promise.all(directories.splice(0).map((directory) => rm(directory, { recursive: true, force: true })));
});

const minute = 60_000;
const request = { url: 'https://hooks.example.org/jobs', events: 'failures', renew: false } as const;

async function open(changes: Partial<WebhooksOptions> = {}) {
  const directory = changes.directory ?? (await mkdtemp(join(tmpdir(), 'webhooks-')));
  directories.push(directory);
  const lines: string[] = [];
  const clock = { now: 1_000_000 };
  const log = createLog({ level: 'info', stream: { write: (line) => void lines.push(line) } });
  const webhooks = await openWebhooks({ now: () => clock.now, log, ...changes, directory });
  const again = () => open({ ...changes, directory });
  return { ...webhooks, directory, lines, clock, again };
}

/** `8e` is where the files of alpha are. */
const fileOf = (directory: string) => join(directory, '8e', 'alpha.json');

describe('the webhook of a tool', () => {
  it('is the same after a restart, its secret and its trouble included', async () => {
    const { set, note, find, again } = await open();
    await set('alpha', request);
    note('alpha', 'it answered with 500');
    const webhook = find('alpha');
    expect(webhook).toMatchObject({ ...{ url: request.url, events: 'failures' }, trouble: { since: 1_000_000 } });
    await expect.poll(async () => (await again()).find('alpha')).toEqual(webhook);
  });

  it('has a secret of 32 random bytes, told when it is made and never again', async () => {
    const { set } = await open();
    const { secret = '' } = await set('alpha', request);
    expect(Buffer.from(secret.replace(/^whsec_/, ''), 'base64').length).toBe(32);
    expect((await set('alpha', { ...request, events: 'all' })).secret).toBeUndefined();
    expect((await set('beta', request)).secret).not.toBe(secret);
  });

  it('keeps its former secret for a day when it gets a new one', async () => {
    const { set, find } = await open();
    const { secret } = await set('alpha', request);
    const { secret: next } = await set('alpha', { ...request, renew: true });
    expect(next).not.toBe(secret);
    expect(find('alpha')).toMatchObject({ secret: next, former: { secret, until: 1_000_000 + 24 * 60 * minute } });
  });

  it('is gone after it was removed, also after a restart, and has another secret when it is set again', async () => {
    const { set, remove, find, again } = await open();
    const { secret } = await set('alpha', request);
    await remove('alpha');
    expect([find('alpha'), (await again()).find('alpha')]).toEqual([undefined, undefined]);
    expect((await set('alpha', request)).secret).not.toBe(secret);
  });

  it('is as before where the disk takes no change of it', async () => {
    let mayWrite = true;
    const { set, remove, find } = await open({ mayWrite: () => mayWrite });
    await set('alpha', request);
    const before = find('alpha');
    mayWrite = false;
    await expect(set('alpha', { ...request, events: 'all' })).rejects.toThrow();
    await expect(remove('alpha')).rejects.toThrow();
    expect(find('alpha')).toBe(before);
  });

  it('is read by nobody else, and stands in no log', async () => {
    const { set, directory, lines, again } = await open();
    const { secret = '' } = await set('alpha', request);
    expect((await stat(fileOf(directory))).mode & 0o777).toBe(0o600);
    await writeFile(fileOf(directory), (await readFile(fileOf(directory), 'utf8')).replace('"v":1', '"v":2'));
    const next = await again();
    expect([next.find('alpha'), next.lines.join()]).toEqual([
      undefined,
      expect.stringContaining('a webhook cannot be read'),
    ]);
    expect(lines).toEqual([expect.stringContaining('"host":"hooks.example.org"')]);
    for (const text of [secret, '/jobs']) expect([...lines, ...next.lines].join()).not.toContain(text);
  });

  it('asks for failures and recoveries, or for everything, whatever a job asks of mail', async () => {
    const { set, asked } = await open();
    const notice = makeNotice({ emails: 'none' });
    expect(asked(notice)).toBeUndefined();
    await set('alpha', request);
    expect(asked(notice)).toEqual({ ...notice, emails: 'onfailure' });
    await set('alpha', { ...request, events: 'all' });
    expect(asked(notice)).toEqual({ ...notice, emails: 'all' });
    expect(asked(makeNotice({ key: { namespace: 'kube-system', kind: 'Job', name: 'x' } }))).toBeUndefined();
  });

  it('is in trouble from its first failure to its next success, and its owner is to know after an hour', async () => {
    const { set, note, find, clock, stats } = await open();
    await set('alpha', request);
    expect(note('alpha', 'first')).toBeUndefined();
    clock.now += 59 * minute;
    expect(note('alpha', 'second')).toBeUndefined();
    clock.now += minute;
    expect(note('alpha', 'third')).toEqual({ since: 1_000_000, why: 'third' });
    expect(stats()).toEqual({ set: 1, failing: 1 });
    expect(note('alpha', undefined)).toBeUndefined();
    expect([find('alpha')?.trouble, stats()]).toEqual([undefined, { set: 1, failing: 0 }]);
  });

  it('is in no trouble any more when it is set to another place', async () => {
    const { set, note, find } = await open();
    await set('alpha', request);
    note('alpha', 'first');
    await set('alpha', { ...request, events: 'all' });
    expect(find('alpha')?.trouble).toBeDefined();
    await set('alpha', { ...request, url: 'https://other.example.org/' });
    expect(find('alpha')?.trouble).toBeUndefined();
  });
});

describe('the address of a webhook', () => {
  const open = { isOn: true, hosts: ['*'] };

  it.each([
    ['http://hooks.example.org/', 'must begin with https://'],
    ['ftp://hooks.example.org/', 'must begin with https://'],
    ['hooks.example.org', 'must be an address such as'],
    ['', 'must be an address such as'],
    ['https://', 'must be an address such as'],
    ['https://a b.example.org/', 'must be an address such as'],
    ['https://hooks.example.org/\r\nx: y', 'must be an address such as'],
    [`https://hooks.example.org/${'x'.repeat(2_000)}`, 'must be an address such as'],
    ['https://me:secret@hooks.example.org/', 'no name and password'],
    ['https://hooks.example.org/#here', 'must hold no #'],
  ])('is refused as %j: it %s', (url, words) => {
    expect(() => checkWebhookUrl(url, open)).toThrow(words);
  });

  it.each([
    [['hooks.example.org'], true],
    [['*.example.org'], true],
    [['*.org', 'x.net'], true],
    [['example.org'], false],
    [['*.ooks.example.org'], false],
    [['*.hooks.example.org'], false],
    [[], false],
  ])('has to be one of the hosts %j: %s', (hosts, isOpen) => {
    for (const url of ['https://hooks.example.org/x', 'https://HOOKS.example.org.:8443/x']) {
      const check = () => checkWebhookUrl(url, { isOn: true, hosts });
      if (isOpen) expect(check().protocol).toBe('https:');
      else expect(check).toThrow('webhook_hosts');
    }
  });

  it('is refused altogether where webhooks are switched off', () => {
    expect(() => checkWebhookUrl('https://hooks.example.org/', { isOn: false, hosts: ['*'] })).toThrow(
      'switched webhooks off',
    );
  });
});

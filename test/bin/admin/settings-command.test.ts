import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runSettings, type SettingsReport } from '../../../bin/admin/settings-command.ts';
import { AppError } from '../../../src/errors.ts';
import { parseStartup, settingDefaults } from '../../../src/settings.ts';

const startup = parseStartup(`
listen: { tls: { port: 1, cert: /c, key: /k, client_ca: /a }, health: { port: 1 } }
smtp: { allow: [{ host: mx.example.org }] }
`);
const good: SettingsReport = {
  version: '70',
  since: '2026-03-01T06:00:42.000Z',
  is_current: true,
  source: 'ConfigMap',
  problems: [],
  in_force: { ...settingDefaults, debug: 'yes' },
  defaults: settingDefaults,
  given: { debug: 'yes' },
  not_read: ['colour'],
};
const refused: SettingsReport = {
  ...good,
  is_current: false,
  problems: ['smtp_server_port: must be\u001b[2J a whole number'],
  given: { smtp_server_port: 'x', denied_tools: 'alpha' },
  not_read: [],
};

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'settings-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function settings(words: readonly string[], seen = good, file = '', config = true) {
  const path = join(directory, 'map.yaml');
  if (file !== '') await writeFile(path, file);
  const printed: { value: unknown; text: string }[] = [];
  await runSettings({
    line: { command: undefined, operands: words.map((word) => (word === 'FILE' ? path : word)), options: new Map() },
    ask: async () => seen,
    startup: async () => (config ? startup : undefined),
    print: (value, text) => void printed.push({ value, text: text.replaceAll(path, 'FILE') }),
  });
  return printed[0] as { value: unknown; text: string };
}

const map = (data: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata:\n${data}`;
const refusal = (data: string) =>
  settings(['check', 'FILE'], good, data).then(
    () => [],
    (error: AppError) => (error instanceof AppError ? [error.code, ...(error.problems ?? [])] : [String(error)]),
  );

describe('settings show', () => {
  it('is every key with its value, what differs from the defaults, and which ConfigMap it is', async () => {
    const { text, value } = await settings(['show']);
    expect(text).toContain('Version 70 of the ConfigMap is in force, since 2026-03-01 06:00 UTC.');
    expect(text).toContain('colour is not read here.');
    expect(text).toMatch(/^debug +yes +no$/m);
    expect(text).toMatch(/^smtp_server_port +25$/m);
    expect(value).toBe(good);
  });

  it('says what is wrong with a ConfigMap that is refused, with nothing that moves a cursor', async () => {
    const { text } = await settings(['show'], refused);
    expect(text).toContain(
      'The ConfigMap as it is now is not in force:\n  smtp_server_port: must be\\x1b[2J a whole number',
    );
  });

  it.each<[SettingsReport['source'], string]>([
    ['defaults', 'The defaults are in force'],
    ['last good', 'Version 70 of the ConfigMap, as it was kept on disk, is in force'],
  ])('says where they come from: %s', async (source, words) => {
    const problems = ['the ConfigMap does not exist'];
    const { text } = await settings(['show'], { ...good, source, is_current: false, given: null, problems });
    expect(text).toContain(words);
    expect(text).toContain('is not in force:\n  the ConfigMap does not exist');
  });
});

describe('settings check', () => {
  it('is content with a ConfigMap that can be used, and with its data alone', async () => {
    expect((await settings(['check', 'FILE'], good, map('  debug: "yes"\n'))).text).toBe('FILE can be used.');
    expect((await settings(['check', 'FILE'], good, 'debug: "yes"\n')).text).toBe('FILE can be used.');
  });

  it('names a key that is not read, and the one that was probably meant', async () => {
    const { text } = await settings(['check', 'FILE'], good, map('  request_at_once: "7"\n  colour: blue\n'));
    expect(text).toBe(
      'FILE can be used.\nrequest_at_once is not read here; did you mean requests_at_once?\ncolour is not read here.',
    );
  });

  it('names everything that is wrong, a value without quotes that the cluster would not take among it', async () => {
    expect(await refusal(map('  debug: no\n  requests_at_once: "many"\n  smtp_server_port: 25\n'))).toEqual([
      'settings.invalid',
      'debug: must be text; write it in quotes',
      'smtp_server_port: must be text; write it in quotes',
      'requests_at_once: must be a whole number',
    ]);
  });

  it('knows the servers of the start-up file, and says when it does not', async () => {
    const sends = (host: string) => map(`  send_emails_for_real: "yes"\n  smtp_server_fqdn: ${host}\n`);
    expect(await refusal(sends('mx.example.org'))).toEqual([]);
    expect(await refusal(sends('mx.example.net'))).toEqual(['settings.invalid', expect.stringContaining('smtp.allow')]);
    const { text } = await settings(['check', 'FILE'], good, sends('mx.example.net'), false);
    expect(text).toContain('FILE can be used.\nWhether its mail server may be used was not looked at');
  });

  it.each(['a: [', '- a\n', '5\n', 'kind: Secret\ndata: {}\n', 'a: &a [1]\nb: [*a, *a]\n'])(
    'refuses what is no ConfigMap: %j',
    async (text) => {
      expect((await refusal(text))[0]).toBe('settings.invalid');
    },
  );

  it('refuses a file that is not there', async () => {
    await expect(settings(['check', '/nonexistent'])).rejects.toThrow('/nonexistent cannot be read.');
  });
});

describe('settings diff', () => {
  it('has nothing to show while the ConfigMap is in force', async () => {
    const { value } = await settings(['diff']);
    expect(value).toEqual({ changes: [], problems: [] });
  });

  it('shows what a ConfigMap that is refused would change', async () => {
    const { text, value } = await settings(['diff'], refused);
    expect(value).toMatchObject({
      changes: [
        { key: 'debug', in_force: 'yes', would_be: 'no' },
        { key: 'denied_tools', in_force: '', would_be: 'alpha' },
        { key: 'smtp_server_port', in_force: '25', would_be: 'x' },
      ],
    });
    expect(text).toMatch(/^denied_tools +\(empty\) +alpha$/m);
  });

  it('shows what a file would change', async () => {
    const { text } = await settings(['diff', 'FILE'], good, map('  denied_tools: alpha\n'));
    expect(text.split('\n').slice(2)).toEqual([
      expect.stringMatching(/^debug +yes +no$/),
      expect.stringMatching(/^denied_tools +\(empty\) +alpha$/),
    ]);
    expect((await settings(['diff', 'FILE'], good, map('  debug: "yes"\n'))).text).toBe('FILE would change nothing.');
  });
});

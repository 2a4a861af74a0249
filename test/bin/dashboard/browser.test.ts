import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { openBrowser } from '../../../bin/dashboard/browser.ts';
import { until } from '../../support/sandbox.ts';

const place = mkdtempSync(join(tmpdir(), 'opener-'));
afterEach(() => rmSync(place, { recursive: true, force: true }));

const address = 'http://127.0.0.1:8123/enter?token=secret';

it('gives the browser a file that nobody else can read, and no other user the address', async () => {
  const [opener, words] = [join(place, 'opener'), join(place, 'words')];
  writeFileSync(opener, `#!/bin/sh\necho "$@" >'${words}.new' && mv '${words}.new' '${words}'\n`);
  chmodSync(opener, 0o755);
  const { file, forget } = await openBrowser(opener, address);
  await until(() => existsSync(words), 'the browser is started');
  expect(readFileSync(words, 'utf8')).toBe(`${file}\n`);
  expect(readFileSync(file, 'utf8')).toContain(`url=${address}`);
  expect([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777]).toEqual([0o600, 0o700]);
  await forget();
  expect(existsSync(dirname(file))).toBe(false);
});

it('is content where there is no browser', async () => {
  const { forget } = await openBrowser(join(place, 'nothing'), address);
  await forget();
});

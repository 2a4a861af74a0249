/** What docs/webhooks.md has receivers do with an event, done with one of ours. The part in Python is in test/flows/webhooks.test.ts. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWebhookSeal } from '../../src/mail/webhook/event.ts';
import { signatureHeaders } from '../../src/mail/webhook/signature.ts';
import { blocksOf } from '../support/documented-commands.ts';
import { makeGathered, makeMailbox } from '../support/notices.ts';
import { repositoryRoot } from '../support/repository-root.ts';

const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const former = `whsec_${Buffer.alloc(32, 6).toString('base64')}`;
const event = { id: 'evt_1', bytes: '{"message":"naïve"}' };
const blockIn = (language: string) =>
  blocksOf('docs/webhooks.md')
    .find((block) => block.language === language)
    ?.lines.join('\n') ?? '';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'webhooks-page-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('the page about webhooks', () => {
  it('has a program for Node.js that knows our events from others', async () => {
    const file = join(directory, 'verify.mjs');
    await writeFile(file, blockIn('js'));
    const { verify } = await import(pathToFileURL(file).href);
    const now = Date.now();
    const headers = signatureHeaders(event, [secret], now);
    expect(verify(secret, headers, event.bytes)).toBe(true);
    expect(verify(former, signatureHeaders(event, [secret, former], now), event.bytes)).toBe(true);
    expect(verify(former, headers, event.bytes)).toBe(false);
    expect(verify(secret, headers, `${event.bytes} `)).toBe(false);
    expect(verify(secret, { ...headers, 'webhook-id': 'evt_2' }, event.bytes)).toBe(false);
    expect(verify(secret, { ...headers, 'webhook-signature': 'v1,' }, event.bytes)).toBe(false);
    expect(verify(secret, signatureHeaders(event, [secret], now - 600_000), event.bytes)).toBe(false);
  });

  it('shows the fields of an event, each in the table, and no other', async () => {
    const seal = createWebhookSeal({ now: () => 0, complete: async (mailbox) => mailbox });
    const { bytes } = await seal(makeMailbox({ open: [makeGathered()] }));
    const fields = Object.keys(JSON.parse(bytes));
    expect(Object.keys(JSON.parse(blockIn('json')))).toEqual(fields);
    const [table = ''] =
      /\| field \|[\s\S]*?\n\n/.exec(await readFile(join(repositoryRoot, 'docs/webhooks.md'), 'utf8')) ?? [];
    const named = [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell = '']) => cell.match(/(?<=`)\w+(?=`)/g) ?? []);
    expect(named.sort()).toEqual(fields.sort());
  });
});

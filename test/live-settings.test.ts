import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import defaults from '../config/defaults.json' with { type: 'json' };
import {
  type LiveSettings,
  type LiveSettingsOptions,
  openLiveSettings,
  type SettingsOutcome,
} from '../src/live-settings.ts';
import { createLog } from '../src/log.ts';
import { meantSetting, parseSettings, retiredKeys, salvageSettings, settingKeys } from '../src/settings.ts';

let directory: string;
let lines: { msg: string; [field: string]: unknown }[];
let outcomes: SettingsOutcome[];
const opened: LiveSettings[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'settings-'));
  lines = [];
  outcomes = [];
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(opened.splice(0).map((one) => one.stop()));
  await rm(directory, { recursive: true });
});

const path = () => join(directory, 'settings.json');

async function open(changes: Partial<LiveSettingsOptions> = {}): Promise<LiveSettings> {
  const live = await openLiveSettings({
    path: path(),
    parse: (data) => parseSettings(data),
    salvage: (data) => salvageSettings(data, { allow: [] }),
    defaults,
    retired: retiredKeys,
    meant: meantSetting,
    onOutcome: (outcome) => void outcomes.push(outcome),
    log: createLog({ level: 'info', stream: { write: (line) => void lines.push(JSON.parse(line)) } }),
    now: () => 1_000,
    ...changes,
  });
  opened.push(live);
  return live;
}

let version = 100;
const map = (data: Record<string, string>) => ({ data, resourceVersion: String(++version), uid: 'uid-1' });
const said = () => lines.map(({ msg }) => msg);

describe('the settings in force', () => {
  it('are the defaults until a map comes, then those of the map', async () => {
    const live = await open();
    expect([live.current().requestsAtOnce, live.state().source]).toEqual([256, 'defaults']);
    expect(live.state().problems).toEqual(['nothing was heard of the ConfigMap yet']);
    const given = map({ requests_at_once: '7' });
    live.offer(given);
    expect(live.current().requestsAtOnce).toBe(7);
    expect(live.state()).toMatchObject({ version: given.resourceVersion, isCurrent: true, source: 'ConfigMap' });
    expect(outcomes).toEqual([{ type: 'applied', map: given, changed: ['requests_at_once'], isMended: false }]);
  });

  it('stay as they are, all of them, when one value of a map is bad', async () => {
    const live = await open();
    live.offer(map({ requests_at_once: '7' }));
    vi.advanceTimersByTime(1_000);
    const bad = map({ requests_at_once: '8', smtp_server_port: 'abc', debug: 'maybe' });
    live.offer(bad);
    expect(live.current().requestsAtOnce).toBe(7);
    expect(live.state()).toMatchObject({
      isCurrent: false,
      problems: [/^debug: /, /^smtp_server_port: /].map(matching),
    });
    expect(outcomes.at(-1)).toMatchObject({ type: 'refused', map: bad });
  });

  it('go back to a default when a key is taken out of the map', async () => {
    const live = await open();
    live.offer(map({ requests_at_once: '7' }));
    vi.advanceTimersByTime(1_000);
    live.offer(map({}));
    expect(live.current().requestsAtOnce).toBe(256);
  });

  it('stay when the map is deleted', async () => {
    const live = await open();
    live.offer(map({ requests_at_once: '7' }));
    vi.advanceTimersByTime(1_000);
    live.offer(undefined);
    expect([live.current().requestsAtOnce, live.state().isCurrent]).toEqual([7, false]);
    expect(outcomes.at(-1)).toEqual({ type: 'gone' });
  });

  it('are those that were good last after a restart with a bad map, or with none', async () => {
    const first = await open();
    first.offer(map({ requests_at_once: '7' }));
    vi.advanceTimersByTime(1_000);
    first.offer(map({ requests_at_once: 'bad' }));
    await first.stop();
    const second = await open();
    expect([second.current().requestsAtOnce, second.state().source]).toEqual([7, 'last good']);
    second.offer(map({ requests_at_once: 'bad' }));
    expect(second.current().requestsAtOnce).toBe(7);
  });

  it('are the defaults where what was good last is damaged', async () => {
    await writeFile(path(), '{"v":1,"map":');
    expect((await open()).state().source).toBe('defaults');
    expect(said()).toEqual(['the last good settings cannot be read; the file is set aside']);
  });

  it('keep all of what was good last that still is, for another release or with another start-up file', async () => {
    const kept = { requests_at_once: 'bad', requests_at_once_per_tool: '7', denied_tools: 'evil' };
    await writeFile(path(), JSON.stringify({ v: 1, map: map(kept) }));
    const live = await open();
    expect(live.current()).toMatchObject({
      requestsAtOnce: 256,
      requestsAtOncePerTool: 7,
      deniedTools: new Set(['evil']),
    });
    expect(live.current().mail.withheld).toBeUndefined();
    expect(live.state().problems).toContainEqual(matching(/^of what was good last, requests_at_once: /));
    expect(said()).toEqual(['not all settings that were good last still are; the defaults stand in for those']);
  });

  it('hold mail back where it is not known any more how it is sent, until they can be used', async () => {
    const listed = { send_emails_for_real: 'yes', smtp_server_fqdn: 'old.example.org' };
    for (const kept of [listed, { send_emails_for_real: 'maybe' }, { email_from_addr: 'nobody' }]) {
      await writeFile(path(), JSON.stringify({ v: 1, map: map(kept) }));
      const live = await open();
      expect(live.current().mail.withheld).toMatch(/^(smtp|send|email)_/);
      live.offer(map({ ...kept, debug: 'maybe' }));
      expect(live.current().mail.withheld).toBeDefined();
      vi.advanceTimersByTime(1_000);
      const heard: boolean[] = [];
      live.onChange((after, before) => void heard.push(after.mail.withheld === undefined && !!before.mail.withheld));
      live.offer(map({}));
      expect(heard).toEqual([true]);
      await live.stop();
    }
  });

  it('reach everybody, though one who hears of them fails', async () => {
    const live = await open();
    let heard = 0;
    live.onChange(() => {
      throw new Error('a defect');
    });
    live.onChange(() => {
      heard += 1;
    });
    live.offer(map({ debug: 'yes' }));
    await live.heard;
    expect([heard, said()[0]]).toEqual([1, matching(/^a defect of ours/)]);
  });

  it('are told to be mended when a bad edit is taken back', async () => {
    const live = await open();
    const good = { requests_at_once: '7' };
    for (const data of [good, { requests_at_once: 'bad' }, good]) {
      live.offer(map(data));
      vi.advanceTimersByTime(1_000);
    }
    expect(outcomes.at(-1)).toMatchObject({ type: 'applied', changed: [], isMended: true });
  });

  it('change at most once a second, to the newest map, however fast the edits come', async () => {
    const live = await open();
    for (let edit = 1; edit <= 100; edit += 1) {
      live.offer(map({ requests_at_once: String(edit) }));
      vi.advanceTimersByTime(100);
    }
    vi.advanceTimersByTime(1_000);
    const applied = outcomes.filter(({ type }) => type === 'applied');
    expect(applied.length).toBeLessThanOrEqual(11);
    expect(live.current().requestsAtOnce).toBe(100);
  });

  it('tell of keys that are not read here, and of those that mean nothing any more, once', async () => {
    const live = await open();
    for (let edit = 0; edit < 3; edit += 1) {
      live.offer(map({ colour: 'blue', task_watch_pods_timeout: '60', requests_at_once: String(edit + 1) }));
      vi.advanceTimersByTime(1_000);
    }
    expect(lines.filter(({ keys }) => keys).map(({ keys }) => keys)).toEqual([['colour'], ['task_watch_pods_timeout']]);
  });

  it('tell of a key that looks like one of ours, although nothing has changed', async () => {
    const live = await open();
    const slip = map({ request_at_once: '7' });
    live.offer(slip);
    expect(outcomes.at(-1)).toEqual({
      type: 'misspelt',
      map: slip,
      keys: [{ key: 'request_at_once', meant: 'requests_at_once' }],
    });
    expect(live.seen()).toEqual(slip);
  });

  it('tell of such a key as long as the map has it, and of its end', async () => {
    const live = await open();
    const told = (data: Record<string, string>) => {
      outcomes.length = 0;
      live.offer(map(data));
      vi.advanceTimersByTime(1_000);
      return outcomes.map((outcome) => (outcome.type === 'applied' ? { isMended: outcome.isMended } : outcome.type));
    };
    const slip = { request_at_once: '7' };
    expect(told(slip)).toEqual([{ isMended: false }, 'misspelt']);
    expect(told(slip)).toEqual([]);
    // The word about the change would otherwise be the last one.
    expect(told({ ...slip, debug: 'yes' })).toEqual([{ isMended: false }, 'misspelt']);
    expect(told({ ...slip, debug: 'yes', smtp_server_prot: '25' })).toEqual(['misspelt']);
    expect(told({ debug: 'yes' })).toEqual([{ isMended: true }]);
  });

  it('tell those who hold something of what is new and what was', async () => {
    const live = await open();
    const heard: [number, number][] = [];
    live.onChange((now, before) => void heard.push([before.requestsAtOnce, now.requestsAtOnce]));
    live.offer(map({ requests_at_once: '7' }));
    vi.advanceTimersByTime(1_000);
    live.offer(map({ requests_at_once: '7', colour: 'blue' }));
    expect(heard).toEqual([[256, 7]]);
  });

  it('are valid whatever 1,000 maps in a row hold', async () => {
    const live = await open();
    const texts = fc.oneof(fc.constantFrom('yes', 'no', '', '5', '-1', '1e12', '\0', 'a.example.org'), fc.string());
    const maps = fc.dictionary(fc.oneof(fc.constantFrom(...settingKeys), fc.string()), texts, { maxKeys: 6 });
    fc.assert(
      fc.property(maps, (data) => {
        live.offer(map(data));
        vi.advanceTimersByTime(1_000);
        expect(() => parseSettings(live.texts())).not.toThrow();
        expect(live.current()).toEqual(parseSettings(live.texts()).settings);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are kept for the daemon only', async () => {
    const live = await open();
    live.offer(map({ requests_at_once: '7' }));
    await live.stop();
    expect(JSON.parse(await readFile(path(), 'utf8'))).toMatchObject({
      v: 1,
      map: { data: { requests_at_once: '7' } },
    });
  });
});

function matching(pattern: RegExp): string {
  return expect.stringMatching(pattern) as string;
}

/**
 * The settings in force, as the ConfigMap changes: every change is checked whole, and taken whole or not at all. What was good last is kept
 * on disk, so that a start while the map is bad, or the cluster away, begins with it. Made by daemon.ts, fed by the watch of the map.
 *
 *   a map comes --> not sooner than a second after the last one --> parsed --good--> in force, saved, told
 *                                                                      \---bad---> the old stay in force; said where operators look
 */
import type { ConfigMapSeen } from './domain.ts';
import { AppError } from './errors.ts';
import { openLastGoodMap } from './last-good-map.ts';
import type { Log } from './log.ts';
import { newestOnly } from './newest-only.ts';
import type { Settings } from './settings.ts';

export interface SettingsState {
  /** Version of the map whose settings are in force; undefined while those are the defaults. */
  readonly version: string | undefined;
  /** When they came into force, ms since the epoch. */
  readonly since: number;
  /** Whether the map as it is now is the one in force. */
  readonly isCurrent: boolean;
  /** What is wrong with the map as it is now; none where nothing is. */
  readonly problems: readonly string[];
  /** Where those in force come from. */
  readonly source: 'defaults' | 'last good' | 'ConfigMap';
}

/** What became of a map, for whoever makes it known. */
export type SettingsOutcome =
  /** `isMended`: the map before it was refused, was none, or had a misspelt key that this one has not. */
  | {
      readonly type: 'applied';
      readonly map: ConfigMapSeen;
      readonly changed: readonly string[];
      readonly isMended: boolean;
    }
  | { readonly type: 'refused'; readonly map: ConfigMapSeen; readonly problems: readonly string[] }
  | { readonly type: 'gone' }
  /** After `applied`, or when there are others: keys of the map in force that are not read here, and look like some that are. */
  | { readonly type: 'misspelt'; readonly map: ConfigMapSeen; readonly keys: readonly Misspelt[] };

interface Misspelt {
  readonly key: string;
  readonly meant: string;
}

export interface LiveSettings {
  current(): Settings;
  /** The map as it is now; undefined when there is none any more: what is in force stays. Never throws. */
  offer(map: ConfigMapSeen | undefined): void;
  /** Called after a change, with the settings before it. One that throws keeps the others from nothing. */
  onChange(listener: (now: Settings, before: Settings) => void): void;
  /** The texts in force, defaults included. */
  texts(): Readonly<Record<string, string>>;
  /** The map as it is now, in force or not; undefined where there is none, or nothing was heard yet. */
  seen(): ConfigMapSeen | undefined;
  state(): SettingsState;
  /** Resolves when the first word of the map was taken, good or bad. */
  readonly heard: Promise<void>;
  stop(): Promise<void>;
}

export interface LiveSettingsOptions {
  /** Where the last good map is kept. */
  readonly path: string;
  /** @throws AppError `settings.invalid` */
  parse(data: Readonly<Record<string, unknown>>): {
    readonly settings: Settings;
    readonly unknownKeys: readonly string[];
  };
  /** What of settings that were good once still is. */
  salvage(data: Readonly<Record<string, string>>): {
    readonly settings: Settings;
    readonly good: Readonly<Record<string, string>>;
    readonly problems: readonly string[];
  };
  readonly defaults: Readonly<Record<string, string>>;
  /** Keys that are accepted and mean nothing. */
  readonly retired: readonly string[];
  /** The key that was probably meant by one that is not read here. */
  meant(key: string): string | undefined;
  onOutcome(outcome: SettingsOutcome): void;
  readonly log: Log;
  now(): number;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
  /** At most one change in this time. Unset: 1 s. */
  readonly everyMs?: number;
}

/** Begins with what was good last, or else with the defaults. */
export async function openLiveSettings(options: LiveSettingsOptions): Promise<LiveSettings> {
  const { path, parse, log, onOutcome, now, mayWrite, everyMs = 1_000 } = options;
  const lastGood = await openLastGoodMap({ path, what: 'settings', log, mayWrite });

  const listeners = new Set<(now: Settings, before: Settings) => void>();
  let inForce = parse({}).settings;
  let map: ConfigMapSeen | undefined;
  let seen: ConfigMapSeen | undefined;
  let [isCurrent, since, problems]: [boolean, number, readonly string[]] = [
    false,
    now(),
    ['nothing was heard of the ConfigMap yet'],
  ];
  let source: SettingsState['source'] = 'defaults';

  /** The map before this one was refused, or was none. */
  let wasBad = false;
  /** Of the map in force. */
  let misspelt: readonly Misspelt[] = [];
  /** Not all that was good last still is. */
  let isPartial = false;
  if (lastGood.found) {
    // Good for another release, or another start-up file.
    const { settings, good, problems: found } = options.salvage(lastGood.found.data);
    [inForce, source, isPartial] = [settings, 'last good', found.length > 0];
    map = { ...lastGood.found, data: good };
    if (isPartial) {
      problems = [...problems, ...found.map((problem) => `of what was good last, ${problem}`)];
      log.error({ problems: found }, 'not all settings that were good last still are; the defaults stand in for those');
    }
  }

  let becomeHeard = () => {};
  const heard = new Promise<void>((resolve) => {
    becomeHeard = resolve;
  });

  const saidOnce = new Set<string>();
  const edits = newestOnly(everyMs, (next: ConfigMapSeen | undefined) => {
    seen = next;
    if (next) consider(next);
    else leave();
    becomeHeard();
  });

  function consider(next: ConfigMapSeen): void {
    let parsed: ReturnType<typeof parse>;
    try {
      parsed = parse(next.data);
    } catch (error) {
      refuse(next, problemsOf(error));
      return;
    }
    const changed = changedKeys(texts(), { ...options.defaults, ...next.data }, Object.keys(options.defaults));
    const isOther = changed.length > 0 || isPartial;
    const slips = misspeltOf(parsed.unknownKeys);
    const isMended = wasBad || hasOthers(misspelt, slips);
    const isNews = !isCurrent || isOther || isMended;
    const isSlip = slips.length > 0 && (isNews || hasOthers(slips, misspelt));
    const before = inForce;
    [map, isCurrent, wasBad, problems, source, isPartial] = [next, true, false, [], 'ConfigMap', false];
    misspelt = slips;
    if (isOther) {
      inForce = parsed.settings;
      since = now();
      for (const listener of listeners) tellListener(listener, before);
    }
    if (isNews) {
      log.info({ resourceVersion: next.resourceVersion, changed }, 'the settings of the ConfigMap are in force');
      onOutcome({ type: 'applied', map: next, changed, isMended });
    }
    if (isSlip) onOutcome({ type: 'misspelt', map: next, keys: slips });
    sayOnce(parsed.unknownKeys, next);
    lastGood.keep(next);
  }

  /** A defect of one listener must not take the settings from the others. */
  function tellListener(listener: (now: Settings, before: Settings) => void, before: Settings): void {
    try {
      listener(inForce, before);
    } catch (error) {
      log.error({ err: error }, 'a defect of ours: settings have changed, and somebody could not follow');
    }
  }

  function refuse(next: ConfigMapSeen, found: readonly string[]): void {
    [isCurrent, wasBad, problems] = [false, true, found];
    log.error(
      { resourceVersion: next.resourceVersion, problems, inForce: map?.resourceVersion },
      'the settings ConfigMap is refused as a whole; what was in force stays in force',
    );
    onOutcome({ type: 'refused', map: next, problems });
  }

  function leave(): void {
    [isCurrent, wasBad, problems] = [false, true, ['the ConfigMap does not exist']];
    log.warn({ inForce: map?.resourceVersion }, 'the settings ConfigMap is gone; what was in force stays in force');
    onOutcome({ type: 'gone' });
  }

  function sayOnce(unknownKeys: readonly string[], good: ConfigMapSeen): void {
    const retired = options.retired.filter((key) => Object.hasOwn(good.data, key));
    const fresh = (keys: readonly string[]) => keys.filter((key) => !saidOnce.has(key));
    const [strange, old] = [fresh(unknownKeys), fresh(retired)];
    if (strange.length > 0)
      log.warn(
        { keys: strange, misspelt: misspeltOf(strange) },
        'keys of the settings ConfigMap that are not read here',
      );
    if (old.length > 0) log.info({ keys: old }, 'keys of the settings ConfigMap that mean nothing any more');
    for (const key of [...strange, ...old]) saidOnce.add(key);
  }

  function misspeltOf(unknownKeys: readonly string[]): readonly Misspelt[] {
    return unknownKeys.flatMap((key) => {
      const meant = options.meant(key);
      return meant === undefined ? [] : [{ key, meant }];
    });
  }

  function texts(): Readonly<Record<string, string>> {
    const given = source === 'defaults' ? {} : (map?.data ?? {});
    return { ...options.defaults, ...pick(given, Object.keys(options.defaults)) };
  }

  return {
    current: () => inForce,
    heard,
    offer: edits.offer,
    onChange: (listener) => void listeners.add(listener),
    texts,
    seen: () => seen,
    state: () => ({ version: map?.resourceVersion, since, isCurrent, problems, source }),
    async stop() {
      edits.stop();
      await lastGood.stop();
    },
  };
}

/** Keys whose text is another one. @param keys that count */
function changedKeys(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  keys: readonly string[],
): string[] {
  return keys.filter((key) => before[key] !== after[key]);
}

/** Whether some of these are none of those. */
function hasOthers(these: readonly Misspelt[], those: readonly Misspelt[]): boolean {
  return these.some(({ key }) => those.every((other) => other.key !== key));
}

function pick(data: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(data, key) ? [[key, data[key] as string]] : [])));
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof AppError) return error.problems ?? [error.message];
  throw error;
}

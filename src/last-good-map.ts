/**
 * A ConfigMap that was good, kept on disk: what a start goes on with while the map is bad, or the cluster away. For the settings and the
 * images, which live-settings.ts and live-images.ts keep in force.
 */
import type { ConfigMapSeen } from './domain.ts';
import { recordAt, textAt } from './fields.ts';
import type { Log } from './log.ts';
import { openDurable } from './store.ts';
import { atMost } from './time-limit.ts';

export interface LastGoodMap {
  /** As it was at the start; undefined where none was kept, or none that can be read. */
  readonly found: ConfigMapSeen | undefined;
  /** Never throws: a disk that refuses it is one line in the log. */
  keep(map: ConfigMapSeen): void;
  /** Resolves when what was kept last is on disk, or refused; after 5 s in any case. */
  stop(): Promise<void>;
}

export interface LastGoodMapOptions {
  readonly path: string;
  /** Of what, for people: `settings`. */
  readonly what: string;
  readonly log: Log;
  /** As store.ts has it. */
  readonly mayWrite?: (() => boolean) | undefined;
}

interface File {
  v: 1;
  map: ConfigMapSeen | null;
}

const stopGraceMs = 5_000;

export async function openLastGoodMap({ path, what, log, mayWrite }: LastGoodMapOptions): Promise<LastGoodMap> {
  const onBad = (keptAs: string, cause: unknown) =>
    log.error({ keptAs, err: cause }, `the last good ${what} cannot be read; the file is set aside`);
  const file = await openDurable<File>({ path, parse: parseFile, onBad, mayWrite }, { v: 1, map: null });
  let saving = Promise.resolve();
  return {
    found: file.data.map ?? undefined,
    keep(map) {
      file.data.map = map;
      saving = file.write().catch((error: unknown) => log.error({ path, err: error }, `the ${what} cannot be saved`));
    },
    stop: () => atMost(saving, stopGraceMs),
  };
}

/** @throws Error for what is none */
function parseFile(value: unknown): File {
  if (recordAt(value).v !== 1) throw new Error('The version of the file is not 1.');
  const resourceVersion = textAt(value, 'map', 'resourceVersion');
  if (resourceVersion === undefined) return { v: 1, map: null };
  const data = recordAt(value, 'map', 'data');
  const pairs = Object.entries(data).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return { v: 1, map: { data: Object.fromEntries(pairs), resourceVersion, uid: textAt(value, 'map', 'uid') ?? '' } };
}

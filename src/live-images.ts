/**
 * The prebuilt images in force, as their ConfigMap changes: a list is taken whole or not at all, and the last good one stays in force, over
 * a restart as well. Made by daemon.ts, fed by the watch of the map.
 */
import type { ConfigMapSeen, Image } from './domain.ts';
import { AppError } from './errors.ts';
import { type ImageList, parseImageConfig } from './images.ts';
import { openLastGoodMap } from './last-good-map.ts';
import type { Log } from './log.ts';
import { newestOnly } from './newest-only.ts';

export interface LiveImages {
  /** @throws AppError `view.not_ready` before the first good list */
  current(): ImageList;
  /** The map as it is now; undefined when there is none: what is in force stays. Never throws. */
  offer(map: ConfigMapSeen | undefined): void;
  /** Resolves when the first good list is there. */
  readonly ready: Promise<void>;
  state(): ImagesState;
  stop(): Promise<void>;
}

export interface ImagesState {
  /** Version of the map in force; undefined before the first. */
  readonly version: string | undefined;
  /** Whether the map as it is now is the one in force. */
  readonly isCurrent: boolean;
  /** What is wrong with the map as it is now. */
  readonly problems: readonly string[];
}

/** What became of a map, for whoever makes it known. */
export type ImagesOutcome =
  | {
      readonly type: 'applied';
      readonly map: ConfigMapSeen;
      readonly changes: readonly ImageChange[];
      /** The map before it was refused, or was none. */
      readonly isMended: boolean;
    }
  | { readonly type: 'refused'; readonly map: ConfigMapSeen; readonly problems: readonly string[] }
  | { readonly type: 'gone' };

export interface ImageChange {
  readonly name: string;
  /** `deprecated`: not before; whatever else of it is new as well. */
  readonly became: 'added' | 'changed' | 'deprecated' | 'removed';
}

export interface LiveImagesOptions {
  /** Where the last good map is kept. */
  readonly path: string;
  /** Of the map. */
  readonly key: string;
  onOutcome(outcome: ImagesOutcome): void;
  readonly log: Log;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
  /** At most one change in this time. Unset: 1 s. */
  readonly everyMs?: number;
}

/** Begins with the list that was good last, if there is one. */
export async function openLiveImages(options: LiveImagesOptions): Promise<LiveImages> {
  const { path, key, onOutcome, log, mayWrite, everyMs = 1_000 } = options;
  const lastGood = await openLastGoodMap({ path, what: 'list of images', log, mayWrite });
  let images: ImageList | undefined;
  let state: ImagesState = {
    version: undefined,
    isCurrent: false,
    problems: ['nothing was heard of the ConfigMap yet'],
  };
  let wasBad = false;
  let becomeReady = () => {};
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });

  function take(map: ConfigMapSeen, next: ImageList): void {
    const changes = changesBetween(images?.all() ?? [], next.all());
    images = next;
    state = { version: map.resourceVersion, isCurrent: true, problems: [] };
    for (const { name, became, url } of changes) log.info({ image: url }, `${lines[became]}: ${name}`);
    onOutcome({
      type: 'applied',
      map,
      changes: changes.map(({ name, became }) => ({ name, became })),
      isMended: wasBad,
    });
    wasBad = false;
    lastGood.keep(map);
    becomeReady();
  }

  function begin(map: ConfigMapSeen): void {
    try {
      images = parseImageConfig(map.data[key] ?? '');
      state = { ...state, version: map.resourceVersion };
      becomeReady();
    } catch (error) {
      // Good for another release, or under another key.
      log.error({ err: error }, 'the list of images that was good last is not any more; the next is waited for');
    }
  }

  function refuse(map: ConfigMapSeen | undefined, problems: readonly string[]): void {
    state = { ...state, isCurrent: false, problems };
    wasBad = true;
    log.error({ problems, inForce: state.version }, 'the list of images is refused; the one in force stays');
    onOutcome(map ? { type: 'refused', map, problems } : { type: 'gone' });
  }

  const edits = newestOnly(everyMs, (map: ConfigMapSeen | undefined) => {
    const text = map?.data[key];
    if (!map) return refuse(map, ['the ConfigMap does not exist']);
    if (text === undefined) return refuse(map, [`the ConfigMap has no key ${key}`]);
    try {
      take(map, parseImageConfig(text));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      refuse(map, error.problems ?? [error.message]);
    }
  });

  if (lastGood.found) begin(lastGood.found);
  return {
    current() {
      if (images) return images;
      throw new AppError('view.not_ready', 'The service has just started. Try again in a moment.', {
        retryAfterSeconds: 1,
      });
    },
    offer: edits.offer,
    ready,
    state: () => state,
    async stop() {
      edits.stop();
      await lastGood.stop();
    },
  };
}

/** As operators know them. */
const lines: Readonly<Record<ImageChange['became'], string>> = {
  added: 'Adding available container',
  changed: 'Changing available container',
  deprecated: 'Deprecating available container',
  removed: 'Removing available container',
};

/** Those of the list that is new, in its order, then those that are gone. */
function changesBetween(before: readonly Image[], after: readonly Image[]): (ImageChange & Pick<Image, 'url'>)[] {
  const [old, present] = [before, after].map((list) => new Map(list.map((image) => [image.name, image])));
  const becameOf = (image: Image): ImageChange['became'] | undefined => {
    const former = old?.get(image.name);
    if (!former) return 'added';
    if (former.state !== image.state && image.state === 'deprecated') return 'deprecated';
    return JSON.stringify(former) === JSON.stringify(image) ? undefined : 'changed';
  };
  return [
    ...after.flatMap((image) => {
      const became = becameOf(image);
      return became ? [{ name: image.name, url: image.url, became }] : [];
    }),
    ...before
      .filter(({ name }) => !present?.has(name))
      .map(({ name, url }) => ({ name, url, became: 'removed' as const })),
  ];
}

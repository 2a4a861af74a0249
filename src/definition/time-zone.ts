/** What the clocks of a time zone show, by the time zone database that comes with Node.js (ICU). Pure. */

const minuteMs = 60_000;
const dayMs = 86_400_000;
/** About eleven years of one zone. */
const maxKept = 4_096;
/** More than there are; a name may be typed in capitals or not. */
const maxZones = 1_024;
/** What a Date can hold, less a few days for offsets. */
const edgeMs = 8_640_000_000_000_000 - 3 * dayMs;

interface Zone {
  readonly format: Intl.DateTimeFormat;
  /** At the beginning of days (UTC); most days have one offset. */
  readonly offsets: Map<number, number>;
}

const zones = new Map<string, Zone>();

/** @param name IANA name, as whoever wrote an object typed it */
export function isTimeZone(name: string): boolean {
  return name === 'UTC' || zoneOf(name) !== undefined;
}

/**
 * How far the clocks of a zone are ahead of UTC, in ms.
 * @throws RangeError for what is no time zone
 * @example offsetAt('Europe/Rome', Date.parse('2026-07-01T00:00:00Z')) -> 7_200_000
 */
export function offsetAt(timeZone: string, at: number): number {
  if (timeZone === 'UTC') return 0;
  const zone = zoneOf(timeZone);
  if (!zone) throw new RangeError(`${timeZone} is no time zone.`);
  const moment = Math.max(-edgeMs, Math.min(edgeMs, at));
  const day = Math.floor(moment / dayMs) * dayMs;
  const offset = keptOffset(zone, day);
  return offset === keptOffset(zone, day + dayMs) ? offset : readOffset(zone.format, moment);
}

/**
 * The moment of a time on the clocks of a zone, given as if it were UTC. Of one that they repeat or skip it is the moment that Go's
 * `time.Date` takes, since Kubernetes computes with that.
 */
export function momentOf(timeZone: string, clock: number): number {
  const nearby = clock - offsetAt(timeZone, clock);
  return clock - offsetAt(timeZone, nearby);
}

export interface ChangeOfClocks {
  readonly at: number;
  /** Offsets, in ms. */
  readonly before: number;
  readonly after: number;
}

/** The change of the clocks between two moments, to the minute; undefined where they show the same then. */
export function changeOfClocks(timeZone: string, from: number, to: number): ChangeOfClocks | undefined {
  if (!isTimeZone(timeZone)) return undefined;
  const [before, after] = [offsetAt(timeZone, from), offsetAt(timeZone, to)];
  if (before === after) return undefined;
  let [first, last] = [Math.floor(from / minuteMs), Math.ceil(to / minuteMs)];
  while (last - first > 1) {
    const middle = Math.floor((first + last) / 2);
    if (offsetAt(timeZone, middle * minuteMs) === after) last = middle;
    else first = middle;
  }
  return { at: last * minuteMs, before, after };
}

function zoneOf(name: string): Zone | undefined {
  const kept = zones.get(name);
  if (kept) return kept;
  const zone = openZone(name);
  if (!zone) return undefined;
  if (zones.size >= maxZones) zones.clear();
  zones.set(name, zone);
  return zone;
}

function openZone(timeZone: string): Zone | undefined {
  try {
    const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      ...numeric,
      second: 'numeric',
      hourCycle: 'h23',
      era: 'short',
    });
    return { format, offsets: new Map() };
  } catch {
    return undefined;
  }
}

function keptOffset({ format, offsets }: Zone, at: number): number {
  const kept = offsets.get(at);
  if (kept !== undefined) return kept;
  const offset = readOffset(format, at);
  if (offsets.size >= maxKept) offsets.clear();
  offsets.set(at, offset);
  return offset;
}

function readOffset(format: Intl.DateTimeFormat, at: number): number {
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = ['year', 'month', 'day', 'hour', 'minute'].map((type) =>
    parts.get(type as Intl.DateTimeFormatPartTypes),
  );
  return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(at / minuteMs) * minuteMs;
}

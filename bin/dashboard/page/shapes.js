/** States and outcomes as a shape and a word: no colour has to be seen. */
import { make } from './elements.js';

/** Of a square of 16. @type {Readonly<Record<string, string>>} */
const shapes = {
  succeeded: 'M3 8.5 6.5 12 13 4.5',
  failed: 'M4 4 12 12M12 4 4 12',
  skipped: 'M3 8H13',
  stopped: 'M4 4H12V12H4Z',
  running: 'M5 3 13 8 5 13Z',
  pending: 'M8 3A5 5 0 1 1 7.9 3ZM8 5V8L10 10',
  unknown: 'M5.5 6A2.5 2.5 0 1 1 8 8.5V10M8 12V13',
};

/** What they are called in words, where their own name is none. @type {Readonly<Record<string, string>>} */
const words = { unknown: 'not known' };

/** @param {string} kind of `shapes` */
export function makeShape(kind) {
  const known = shapes[kind] === undefined ? 'unknown' : kind;
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [name, value] of Object.entries({ viewBox: '0 0 16 16', class: `shape ${known}`, 'aria-hidden': 'true' }))
    svg.setAttribute(name, value);
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', shapes[known] ?? '');
  svg.append(path);
  return svg;
}

/**
 * @param {string} kind
 * @param {string} text
 */
export function makeState(kind, text = wordOf(kind)) {
  return make('span', { class: `state ${kind}` }, makeShape(kind), make('span', {}, text));
}

/** @param {string} kind */
export function wordOf(kind) {
  return words[kind] ?? kind;
}

/**
 * The last runs, the newest to the right; said as a sentence to who does not see them.
 * @param {readonly import('./service.js').Run[]} runs the newest first
 * @param {import('./service.js').LastRun | undefined} last what the service says of the newest
 */
export function makeStrip(runs, last) {
  const [newest] = runs;
  if (!newest) return make('span', { class: 'muted' }, 'none yet');
  const counted = [...countsOf(runs.map(({ outcome }) => outcome))]
    .map(([outcome, count]) => `${count} ${wordOf(outcome)}`)
    .join(', ');
  const isRow =
    last !== undefined && last.outcome === newest.outcome && last.outcome !== 'succeeded' && last.in_a_row > 1;
  const newestWords = `${wordOf(newest.outcome)}${isRow ? ` (${last.in_a_row} in a row)` : ''}`;
  const label = `Last ${runs.length}: ${counted}. The newest: ${newestWords}.`;
  const shown = [...runs].reverse().map(({ outcome }) => makeShape(outcome));
  return make(
    'span',
    { class: 'runs' },
    make('span', { class: 'strip', role: 'img', 'aria-label': label }, ...shown),
    make('span', { class: 'newest', 'aria-hidden': 'true' }, newestWords),
  );
}

/**
 * How often each is there, in the order in which they come.
 * @param {readonly string[]} kinds
 */
export function countsOf(kinds) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

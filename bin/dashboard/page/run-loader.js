/** The last runs of each job, asked for when somebody is about to see them, a few at a time: the tool has other things to ask as well. */
import { ask, pathOf } from './service.js';

/** @typedef {import('./service.js').Run} Run */

const shownRuns = 10;
const pauseMs = 100;
const againMs = 3_000;

/** @type {Map<string, Run[]>} by name; the newest first */
const known = new Map();
/** What has ended while the runs of its job were not known. @type {Map<string, Run[]>} */
const heard = new Map();
/** @type {Map<string, () => void>} */
const wanted = new Map();
let isLoading = false;

/**
 * @param {string} name
 * @returns {readonly Run[] | undefined} undefined while they are not known
 */
export function runsOf(name) {
  return known.get(name);
}

/**
 * @param {string} name
 * @param {() => void} onKnown
 */
export function wantRuns(name, onKnown) {
  if (known.has(name)) return;
  wanted.set(name, onKnown);
  if (!isLoading) void load();
}

/** @param {string} name */
export function forgetRuns(name) {
  known.delete(name);
  heard.delete(name);
}

export function forgetAllRuns() {
  known.clear();
  heard.clear();
}

/** @param {ReadonlySet<string>} names of all jobs that there are */
export function keepRunsOf(names) {
  for (const name of [...known.keys(), ...heard.keys()]) if (!names.has(name)) forgetRuns(name);
}

/**
 * @param {string} name
 * @param {Run} run that has ended
 */
export function addRun(name, run) {
  const runs = known.get(name);
  if (runs) known.set(name, newest([run], runs));
  else heard.set(name, newest([run], heard.get(name) ?? []));
}

/**
 * @param {readonly Run[]} late
 * @param {readonly Run[]} runs
 */
function newest(late, runs) {
  const added = late.filter(({ id }) => !runs.some((run) => run.id === id));
  return [...added, ...runs].slice(0, shownRuns);
}

async function load() {
  isLoading = true;
  for (;;) {
    const [next] = wanted;
    if (!next) break;
    const [name, onKnown] = next;
    wanted.delete(name);
    try {
      const { runs } = await ask(`${pathOf(name)}/runs`);
      known.set(name, newest(heard.get(name) ?? [], runs));
      heard.delete(name);
      onKnown();
      await pause(pauseMs);
    } catch (error) {
      // Gone, or nothing is kept of it. Whatever else it is passes.
      const isNone = ['job.not_found', 'route.not_found'].includes(/** @type {{ code?: string }} */ (error).code ?? '');
      if (isNone) known.set(name, []);
      else wanted.set(name, onKnown);
      if (isNone) onKnown();
      else await pause(againMs);
    }
  }
  isLoading = false;
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

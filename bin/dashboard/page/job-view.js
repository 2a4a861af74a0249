/** One job: what it is, how its runs ended and why, and the last lines that it wrote. */
import { make, makeFactList, makeTable, replaceChildren } from './elements.js';
import { kindOf, stateWords, typeWords } from './jobs-view.js';
import { OutputBox } from './output-box.js';
import { ask, pathOf } from './service.js';
import { makeState } from './shapes.js';
import { lengthText, makeTime } from './times.js';

/** @typedef {import('./service.js').Job} Job */
/** @typedef {import('./service.js').Run} Run */

const shownRuns = 30;

export class JobView {
  #facts = make('div');
  #runs = make('div');
  #shownRuns = '';
  #isLoading = false;
  #isStale = false;

  /** @param {string} name */
  constructor(name) {
    this.name = name;
    this.output = new OutputBox(`${pathOf(name)}/output`);
    this.title = `Job ${name}`;
    const again = make('button', { type: 'button' }, 'Load again');
    again.addEventListener('click', () => void this.load());
    this.element = make(
      'section',
      { 'aria-labelledby': 'title' },
      make('p', {}, make('a', { href: '#/jobs' }, '← All jobs')),
      make('h1', { id: 'title', tabindex: '-1' }, name),
      this.#facts,
      make('h2', {}, 'Runs'),
      this.#runs,
      make('h2', {}, 'Output'),
      make('p', {}, 'The last lines, of files and of what still runs. ', again),
      this.output.element,
    );
    void this.load();
  }

  /** One at a time; what is asked for meanwhile is loaded once more. */
  async load() {
    this.#isStale = true;
    if (this.#isLoading) return;
    this.#isLoading = true;
    while (this.#isStale) {
      this.#isStale = false;
      await Promise.all([this.#loadJob(), this.#loadRuns(), this.output.load()]);
    }
    this.#isLoading = false;
  }

  async #loadJob() {
    try {
      const { job } = await ask(pathOf(this.name));
      replaceChildren(this.#facts, makeFacts(job), ...makeParts(job));
    } catch (error) {
      const isGone = /** @type {{ code?: string }} */ (error).code === 'job.not_found';
      const text = isGone
        ? 'This job is no longer there. What is kept of its runs is below.'
        : String(/** @type {Error} */ (error).message);
      this.#facts.replaceChildren(make('p', { class: 'trouble' }, text));
    }
  }

  async #loadRuns() {
    try {
      const { runs } = await ask(`${pathOf(this.name)}/runs`);
      const shown = JSON.stringify(runs);
      if (shown === this.#shownRuns) return;
      this.#shownRuns = shown;
      replaceChildren(this.#runs, runs.length > 0 ? makeRuns(this.name, runs) : make('p', {}, 'No run has ended yet.'));
    } catch (error) {
      this.#runs.replaceChildren(make('p', {}, `None are kept: ${/** @type {Error} */ (error).message}`));
    }
  }
}

/** @param {Job} job */
function makeFacts(job) {
  const { status, image, cmd, memory, cpu, emails, group } = job;
  const firings = status?.next_schedules ?? [];
  return makeFactList([
    ['State', [makeState(kindOf(job), stateWords(job))]],
    ['Why', (status?.messages ?? []).map((text) => make('div', {}, text))],
    ['Type', [typeWords(job)]],
    ['Part of', group ? [makeJobLink(group)] : []],
    ['Next runs', firings.map((at) => make('div', {}, makeTime(at)))],
    ['Command', [make('code', {}, String(cmd ?? ''))]],
    ['Image', [String(image ?? '')]],
    ['Limits', [`${memory ?? '?'} of memory, ${cpu ?? '?'} of a processor`]],
    ['Mail', [String(emails ?? '')]],
  ]);
}

/** @param {Job} job of several schedules, or with a matrix; of any other there is nothing */
function makeParts({ parts = [] }) {
  if (parts.length === 0) return [];
  const rows = parts.map((part) => [
    makeJobLink(part.name),
    makeState(kindOf(part), stateWords(part)),
    part.schedule ?? '',
    part.status?.next_schedule ? makeTime(part.status.next_schedule) : '',
  ]);
  return [
    make('h2', {}, 'Parts'),
    makeTable('Its parts and how they are', ['Part', 'State', 'Schedule', 'Next run'], rows),
  ];
}

/** @param {string} name */
function makeJobLink(name) {
  return make('a', { href: `#/job/${encodeURIComponent(name)}` }, name);
}

/**
 * @param {string} name
 * @param {readonly Run[]} runs the newest first
 */
function makeRuns(name, runs) {
  const rows = runs
    .slice(0, shownRuns)
    .map(({ id, due, created, manual, started, finished, outcome, message }) => [
      make(
        'a',
        { href: `#/job/${encodeURIComponent(name)}/${encodeURIComponent(id)}` },
        makeTime(due ?? created ?? started),
        ...(manual ? [' by hand'] : []),
      ),
      makeTime(started),
      lengthText(started, finished),
      makeState(outcome),
      outcome === 'succeeded' ? '' : String(message ?? ''),
    ]);
  const caption =
    runs.length > shownRuns ? `The last ${shownRuns}, the newest first; “history” has them all` : 'The newest first';
  return makeTable(caption, ['Due', 'Began', 'Ran for', 'Outcome', 'Why'], rows);
}

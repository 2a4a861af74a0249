/** One job: what it is, how its runs ended and why, and the last lines that it wrote. */
import { make, makeTable, setText } from './elements.js';
import { kindOf, stateWords } from './jobs-view.js';
import { ask, pathOf } from './service.js';
import { makeState } from './shapes.js';
import { lengthText, makeTime } from './times.js';

/** @typedef {import('./service.js').Job} Job */
/** @typedef {import('./service.js').Run} Run */

const shownRuns = 30;

export class JobView {
  #facts = make('div');
  #runs = make('div');
  #note = make('p', { class: 'muted', role: 'status' });
  #output = make('pre', { tabindex: '0', role: 'region', 'aria-label': 'Output' });
  #isLoading = false;
  #isStale = false;

  /** @param {string} name */
  constructor(name) {
    this.name = name;
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
      this.#note,
      this.#output,
    );
    this.#output.hidden = true;
    void this.load();
  }

  /** One at a time; what is asked for meanwhile is loaded once more. */
  async load() {
    this.#isStale = true;
    if (this.#isLoading) return;
    this.#isLoading = true;
    while (this.#isStale) {
      this.#isStale = false;
      await Promise.all([this.#loadJob(), this.#loadRuns(), this.#loadOutput()]);
    }
    this.#isLoading = false;
  }

  async #loadJob() {
    try {
      const { job } = await ask(pathOf(this.name));
      this.#facts.replaceChildren(makeFacts(job));
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
      this.#runs.replaceChildren(runs.length > 0 ? makeRuns(runs) : make('p', {}, 'No run has ended yet.'));
    } catch (error) {
      this.#runs.replaceChildren(make('p', {}, `None are kept: ${/** @type {Error} */ (error).message}`));
    }
  }

  async #loadOutput() {
    const { scrollTop, clientHeight, scrollHeight } = this.#output;
    const isAtEnd = this.#output.hidden || scrollTop + clientHeight >= scrollHeight - 4;
    try {
      const { lines } = await ask(`${pathOf(this.name)}/output`);
      this.#output.hidden = lines.length === 0;
      setText(this.#note, lines.length === 0 ? 'There is no output, or none any more.' : '');
      setText(this.#output, lines.map(lineText).join('\n'));
      if (isAtEnd) this.#output.scrollTop = this.#output.scrollHeight;
    } catch (error) {
      setText(this.#note, `The output cannot be shown: ${/** @type {Error} */ (error).message}`);
    }
  }
}

/** @param {{ pod?: string, container?: string, timestamp?: string | null, message?: string }} line */
function lineText({ pod, container, timestamp, message }) {
  const when = timestamp ? `${timestamp.slice(0, 19).replace('T', ' ')} ` : '';
  return `${when}[${pod}] [${container}] ${message}`;
}

/** @param {Job} job */
function makeFacts(job) {
  const { status, schedule, image, cmd, memory, cpu, emails } = job;
  const firings = status?.next_schedules ?? [];
  /** @type {[string, readonly (Node | string)[]][]} */
  const facts = [
    ['State', [makeState(kindOf(job), stateWords(job))]],
    ['Why', (status?.messages ?? []).map((text) => make('div', {}, text))],
    ['Type', [schedule ? `${job.job_type}, ${schedule}` : job.job_type]],
    ['Next runs', firings.map((at) => make('div', {}, makeTime(at)))],
    ['Command', [make('code', {}, String(cmd ?? ''))]],
    ['Image', [String(image ?? '')]],
    ['Limits', [`${memory ?? '?'} of memory, ${cpu ?? '?'} of a processor`]],
    ['Mail', [String(emails ?? '')]],
  ];
  const shown = facts.filter(([, values]) => values.length > 0 && values[0] !== '');
  return make('dl', {}, ...shown.flatMap(([term, values]) => [make('dt', {}, term), make('dd', {}, ...values)]));
}

/** @param {readonly Run[]} runs the newest first */
function makeRuns(runs) {
  const rows = runs
    .slice(0, shownRuns)
    .map(({ due, created, manual, started, finished, outcome, message }) => [
      make('span', {}, makeTime(due ?? created ?? started), ...(manual ? [' by hand'] : [])),
      makeTime(started),
      lengthText(started, finished),
      makeState(outcome),
      outcome === 'succeeded' ? '' : String(message ?? ''),
    ]);
  const caption =
    runs.length > shownRuns ? `The last ${shownRuns}, the newest first; “history” has them all` : 'The newest first';
  return makeTable(caption, ['Due', 'Began', 'Ran for', 'Outcome', 'Why'], rows);
}

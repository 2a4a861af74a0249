/** One run that has ended: how, why, what it took, and what is kept of its output. */
import { make, makeFactList } from './elements.js';
import { OutputBox } from './output-box.js';
import { ask, pathOf } from './service.js';
import { makeState } from './shapes.js';
import { lengthText, makeTime, momentText } from './times.js';

/** @typedef {import('./service.js').Run} Run */

export class RunView {
  #facts = make('div', {}, make('p', {}, 'Loading.'));
  #heading = make('h1', { id: 'title', tabindex: '-1' });

  /**
   * @param {string} name of the job
   * @param {string} id
   */
  constructor(name, id) {
    this.name = name;
    this.id = id;
    this.title = `Run of ${name}`;
    this.#heading.append(`Run of ${name}`);
    this.output = new OutputBox(`${pathOf(name)}/output?run=${encodeURIComponent(id)}`);
    const back = make('a', { href: `#/job/${encodeURIComponent(name)}` }, `← ${name}`);
    this.element = make(
      'section',
      { 'aria-labelledby': 'title' },
      make('p', {}, back),
      this.#heading,
      this.#facts,
      make('h2', {}, 'Output'),
      this.output.element,
    );
    void this.load();
  }

  async load() {
    await Promise.all([this.#loadFacts(), this.output.load()]);
  }

  async #loadFacts() {
    try {
      const { runs } = await ask(`${pathOf(this.name)}/runs`);
      /** @type {Run | undefined} */
      const run = runs.find((/** @type {Run} */ { id }) => id === this.id);
      this.#facts.replaceChildren(
        run ? makeFacts(run) : make('p', { class: 'trouble' }, 'This run is not kept any more.'),
      );
    } catch (error) {
      this.#facts.replaceChildren(make('p', { class: 'trouble' }, /** @type {Error} */ (error).message));
    }
  }
}

/** @param {Run} run */
function makeFacts(run) {
  const { outcome, message, due, created, started, finished, manual, attempts, exit_code: code } = run;
  const asked = manual ? 'by hand' : 'by its schedule';
  return makeFactList([
    ['Outcome', [makeState(outcome)]],
    ['Why', [outcome === 'succeeded' ? '' : String(message ?? '')]],
    ['Asked for', [due || manual ? asked : '']],
    ['Due', [momentText(due) === '' ? '' : makeTime(due)]],
    ['Began', [momentText(started ?? created) === '' ? '' : makeTime(started ?? created)]],
    ['Ran for', [lengthText(started, finished)]],
    ['Exit code', [code === null || code === undefined ? '' : String(code)]],
    ['Attempts', [attempts ? String(attempts) : '']],
    ['Most memory', [memoryText(run)]],
    ['Most processor', [typeof run.peak_cpu === 'number' ? `${run.peak_cpu / 1000} of one` : '']],
  ]);
}

const mib = 1024 * 1024;

/**
 * @param {Run} run
 * @example '96 of 512 MiB, as far as was sampled'
 */
function memoryText({ peak_memory: peak, memory_limit: limit }) {
  if (typeof peak !== 'number') return '';
  const shown =
    typeof limit === 'number' ? `${Math.round(peak / mib)} of ${Math.round(limit / mib)}` : `${Math.round(peak / mib)}`;
  return `${shown} MiB, as far as was sampled`;
}

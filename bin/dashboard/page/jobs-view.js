/** All jobs, a row each, kept as they are: rows are changed in their place, so that nobody loses theirs. */
import { make, makeCell, makeHead, setText } from './elements.js';
import { runsOf, wantRuns } from './run-loader.js';
import { countsOf, makeState, makeStrip } from './shapes.js';
import { beganAt, makeTime, momentText } from './times.js';

/** @typedef {import('./service.js').Job} Job */

/** `job-9` before `job-10`. */
const { compare: inOrder } = new Intl.Collator('en', { numeric: true });

const head = ['Job', 'State', 'Last runs', 'Next run'];

export class JobsView {
  title = 'Jobs';
  #summary = make('p', { id: 'summary' });
  #filter = /** @type {HTMLInputElement} */ (make('input', { id: 'filter', type: 'search', autocomplete: 'off' }));
  #body = make('tbody', { role: 'rowgroup' });
  #table = make('table', { role: 'table', class: 'jobs' });
  #find = make('p', { class: 'find' });
  #empty = make('p', { class: 'empty' });
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {readonly Job[]} */
  #jobs = [];
  #seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) rowOf.get(target)?.see(isIntersecting);
  });

  constructor() {
    const label = make('label', { for: 'filter' }, 'Find');
    const hint = make('span', { class: 'muted', id: 'filter-hint' }, 'a name, a type or a state');
    this.#filter.setAttribute('aria-describedby', 'filter-hint');
    this.#filter.addEventListener('input', () => this.#show());
    this.#find.append(label, this.#filter, hint);
    const caption = make('caption', {}, 'Jobs, what they do now, how their last runs ended, and when they run next');
    this.#table.append(caption, make('thead', { role: 'rowgroup' }, makeHead(head)), this.#body);
    this.element = make(
      'section',
      { 'aria-labelledby': 'title' },
      make('h1', { id: 'title', tabindex: '-1' }, 'Jobs'),
      this.#summary,
      this.#find,
      this.#table,
      this.#empty,
    );
  }

  /**
   * @param {readonly Job[]} jobs
   * @param {number} now ms since the epoch
   */
  takeJobs(jobs, now) {
    this.#jobs = jobs;
    const kept = new Set(jobs.map(keyOf));
    for (const [key, row] of this.#rows) {
      if (kept.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    for (const job of jobs) {
      const row = this.#rows.get(keyOf(job)) ?? this.#addRow(job);
      row.take(job, now);
    }
    this.#show();
  }

  /** Of what somebody sees, where they are not known. */
  wantRuns() {
    for (const row of this.#rows.values()) row.wantRuns();
  }

  /** @param {string} name */
  takeRuns(name) {
    for (const row of this.#rows.values()) if (row.name === name) row.showRuns();
  }

  /** @param {Job} job */
  #addRow(job) {
    const row = new Row(job);
    this.#rows.set(keyOf(job), row);
    rowOf.set(row.element, row);
    this.#seen.observe(row.element);
    return row;
  }

  /** In the order of names; what does not match what somebody looks for is left out. */
  #show() {
    const words = this.#filter.value
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    const rows = [...this.#rows.values()].sort((one, other) => inOrder(one.name, other.name));
    const shown = rows.filter(({ text }) => words.every((word) => text.includes(word)));
    shown.forEach((row, at) => {
      const there = this.#body.children[at];
      if (there !== row.element) this.#body.insertBefore(row.element, there ?? null);
    });
    for (const { element } of rows.filter((row) => !shown.includes(row))) element.remove();
    setText(this.#summary, summaryOf(this.#jobs, shown.length));
    this.#find.hidden = this.#jobs.length === 0;
    this.#table.hidden = shown.length === 0;
    this.#empty.hidden = shown.length > 0;
    const none =
      'This tool has no jobs. Define one on the command line: toolforge-jobs run NAME --image IMAGE --command COMMAND';
    setText(this.#empty, this.#jobs.length === 0 ? none : `No job matches “${this.#filter.value}”.`);
  }
}

/** @type {WeakMap<Element, Row>} */
const rowOf = new WeakMap();

class Row {
  #state = makeCell('State');
  #runs = makeCell('Last runs');
  #next = makeCell('Next run');
  #type = make('span', { class: 'muted' });
  #shown = '';
  #isContinuous = false;
  #isSeen = false;
  /** @type {import('./service.js').LastRun | undefined} */
  #last = undefined;

  /** @param {Job} job */
  constructor(job) {
    this.name = job.name;
    this.text = '';
    const link = make('a', { href: `#/job/${encodeURIComponent(job.name)}` }, job.name);
    const name = make('th', { role: 'rowheader', scope: 'row', 'data-title': 'Job' }, link, this.#type);
    this.#runs.append(make('span', { class: 'muted' }, '…'));
    this.element = make('tr', { role: 'row' }, name, this.#state, this.#runs, this.#next);
  }

  /**
   * @param {Job} job
   * @param {number} now
   */
  take(job, now) {
    const { status } = job;
    const [kind, words] = [kindOf(job), stateWords(job)];
    const messages = (status?.messages ?? []).filter((text) => text !== `next run ${status?.next_schedule}`);
    const type = typeWords(job);
    this.text = `${job.name} ${type} ${kind} ${words}`.toLowerCase();
    // `for 3s` grows by itself; since when it is so does not.
    const shown = JSON.stringify([
      kind,
      words,
      messages,
      type,
      job.last_run,
      status?.next_schedule,
      momentText(beganAt(status?.duration, now)),
    ]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    setText(this.#type, type);
    this.#state.replaceChildren(makeState(kind, words), ...sinceOf(status?.duration, now), ...messages.map(makeDetail));
    this.#next.replaceChildren(status?.next_schedule ? makeTime(status.next_schedule) : '');
    this.#isContinuous = job.job_type === 'continuous';
    this.#last = job.last_run;
    this.showRuns();
  }

  /** @param {boolean} isSeen */
  see(isSeen) {
    this.#isSeen = isSeen;
    this.wantRuns();
  }

  wantRuns() {
    if (this.#isSeen && !this.#isContinuous) wantRuns(this.name, () => this.showRuns());
  }

  /** While they are asked for anew, what was known of them stays. */
  showRuns() {
    const runs = runsOf(this.name);
    if (this.#isContinuous) this.#runs.replaceChildren(make('span', { class: 'muted' }, 'runs all the time'));
    else if (runs) this.#runs.replaceChildren(makeStrip(runs, this.#last));
    else this.wantRuns();
  }
}

/** @param {Job} job */
function keyOf({ name, job_type }) {
  return `${job_type} ${name}`;
}

/** @param {Job} job */
export function kindOf({ status }) {
  return status?.short ?? 'unknown';
}

/**
 * As the command line says it, without the time that it has lasted.
 * @param {Job} job
 */
export function stateWords({ status_short, status }) {
  return (status_short ?? status?.short ?? 'Unknown').replace(/ for \d\w*$/, '');
}

/**
 * @param {Job} job
 * @example 'scheduled, 17 4 * * *, Europe/Rome'
 */
export function typeWords({ job_type, schedule, timezone }) {
  return [job_type, schedule, timezone].filter((word) => word).join(', ');
}

/**
 * @param {string | undefined} duration
 * @param {number} now
 */
function sinceOf(duration, now) {
  const began = beganAt(duration, now);
  return began === undefined ? [] : [make('span', { class: 'muted since' }, ' since ', makeTime(began))];
}

/** @param {string} text */
function makeDetail(text) {
  return make('span', { class: 'detail' }, text);
}

/**
 * @param {readonly Job[]} jobs
 * @param {number} shown
 */
function summaryOf(jobs, shown) {
  if (jobs.length === 0) return '';
  const counts = countsOf(jobs.map(kindOf));
  const counted = ['failed', 'running', 'pending', 'succeeded', 'unknown'].flatMap((kind) => {
    const count = counts.get(kind) ?? 0;
    return count > 0 ? [`${count} ${kind === 'pending' ? 'waiting' : kind}`] : [];
  });
  const all = `${jobs.length} ${jobs.length === 1 ? 'job' : 'jobs'}: ${counted.join(', ')}.`;
  return shown === jobs.length ? all : `${all} Shown: ${shown}.`;
}

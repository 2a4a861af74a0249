/**
 * The dashboard: which page is shown, what is heard of the jobs, and how the connection is. Everything that is shown is asked for anew when
 * something has happened; events say when.
 */
import { setText } from './elements.js';
import { JobView } from './job-view.js';
import { JobsView, stateWords } from './jobs-view.js';
import { MailView, QuotaView } from './other-views.js';
import { addRun, forgetAllRuns, forgetRuns, keepRunsOf } from './run-loader.js';
import { RunView } from './run-view.js';
import { ask, commandEnded } from './service.js';

/** @typedef {import('./service.js').Job} Job */

const main = /** @type {HTMLElement} */ (document.getElementById('main'));
const connection = /** @type {HTMLElement} */ (document.getElementById('connection'));
const announcer = /** @type {HTMLElement} */ (document.getElementById('announcer'));
/** Changes that come at once are shown at once, and a busy tool is asked once a second. */
const soonMs = 100;
const pauseMs = 1_000;

/** Kept over other pages, with what somebody looks for. */
const jobsView = new JobsView();
/** @type {JobsView | JobView | RunView | MailView | QuotaView} */
let view = jobsView;
let tool = '';
/** @type {Map<string, string>} by name: what was last said of each job */
const said = new Map();
let isDue = false;
/** Jobs of which something was heard since they were asked for; of all of them where that is not known. @type {Set<string> | 'all'} */
let touched = 'all';
let isBusy = false;
/** @type {string | null} */
let trouble = 'Connecting.';
/** @type {string[]} what the service says beside its answers */
let warnings = [];

function showPage() {
  const [page = '', name = '', id = ''] = placeOf(location.hash);
  view = viewOf(page, name, id);
  main.replaceChildren(view.element);
  for (const link of document.querySelectorAll('nav a')) {
    const isHere = link.getAttribute('href') === `#/${page === 'job' || page === '' ? 'jobs' : page}`;
    if (isHere) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  showTitle();
}

/**
 * @param {string} page
 * @param {string} name of a job
 * @param {string} id of a run
 */
function viewOf(page, name, id) {
  if (page === 'job' && id !== '') return new RunView(name, id);
  if (page === 'job' && name !== '') return new JobView(name);
  if (page === 'mail') return new MailView();
  return page === 'quota' ? new QuotaView() : jobsView;
}

/**
 * @param {string} hash of the address, which anybody may have written
 * @returns {string[]} page, name of a job, id of a run; nothing where it names none of them
 */
function placeOf(hash) {
  const [, ...parts] = /^#\/(\w+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(hash) ?? [];
  try {
    return parts.map((part = '') => decodeURIComponent(part));
  } catch {
    return [];
  }
}

function showTitle() {
  document.title = `${view.title} – ${tool === '' ? 'Toolforge Jobs' : tool}`;
  setText(document.getElementById('tool') ?? main, tool === '' ? 'Toolforge Jobs' : `Toolforge Jobs of ${tool}`);
}

/** @param {...string} names of the job, or the part and its job, of which something was heard; without one it may be any */
function refreshSoon(...names) {
  if (names.length === 0) touched = 'all';
  else if (touched !== 'all') for (const name of names) touched.add(name);
  if (isDue) return;
  isDue = true;
  setTimeout(refresh, soonMs);
}

async function refresh() {
  if (isBusy) return;
  isBusy = true;
  while (isDue) {
    isDue = false;
    const heard = touched;
    touched = new Set();
    try {
      const { jobs, messages } = await ask('/jobs');
      warnings = messages?.warning ?? [];
      keepRunsOf(new Set(jobs.map((/** @type {Job} */ { name }) => name)));
      jobsView.takeJobs(jobs, Date.now());
      announce(jobs);
      if (isAbout(view, heard)) void view.load();
      showConnection();
    } catch (error) {
      warnings = [/** @type {Error} */ (error).message];
      showConnection();
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  isBusy = false;
}

/**
 * @param {typeof view} shown
 * @param {Set<string> | 'all'} heard
 * @returns {shown is Exclude<typeof view, JobsView>}
 */
function isAbout(shown, heard) {
  if (shown === jobsView) return false;
  const isOfOneJob = shown instanceof JobView || shown instanceof RunView;
  return !isOfOneJob || heard === 'all' || heard.has(shown.name);
}

const mostSaid = 3;

/** @param {readonly Job[]} jobs */
function announce(jobs) {
  const isFirst = said.size === 0;
  const changed = jobs.filter((job) => said.get(job.name) !== stateWords(job));
  const gone = [...said.keys()].filter((name) => !jobs.some((job) => job.name === name));
  said.clear();
  for (const job of jobs) said.set(job.name, stateWords(job));
  const words = [...changed.map((job) => `${job.name}: ${stateWords(job)}`), ...gone.map((name) => `${name} is gone`)];
  if (isFirst || words.length === 0) return;
  setText(announcer, words.length > mostSaid ? `${words.length} jobs have changed` : words.join('. '));
}

function showConnection() {
  const words =
    trouble === null ? warnings.join(' ') : `${trouble} What is shown may be old; the page goes on by itself.`;
  setText(connection, words === '' ? 'Live' : words);
  connection.classList.toggle('trouble', words !== '');
}

/** Of what happened until now nothing was heard. */
function startAnew() {
  forgetAllRuns();
  jobsView.wantRuns();
  refreshSoon();
}

/** @type {EventSource | undefined} */
let heardFrom;

/** A browser has six connections to one address, for all its tabs: a page that nobody sees holds none. */
function listenWhileSeen() {
  heardFrom?.close();
  heardFrom = document.hidden ? undefined : listen();
}

function listen() {
  const events = new EventSource('/api/events');
  /** @param {string} name @param {(data: any) => void} take */
  const on = (name, take) => events.addEventListener(name, ({ data }) => take(JSON.parse(data)));
  on('connection', (data) => {
    trouble = data.trouble;
    showConnection();
  });
  on('reset', startAnew);
  on('job.changed', ({ job, group = job }) => refreshSoon(job, group));
  on('job.gone', ({ job, group = job }) => {
    forgetRuns(job);
    refreshSoon(job, group);
  });
  on('run.ended', (run) => {
    const name = run.group ?? run.job;
    addRun(name, run);
    jobsView.takeRuns(name);
    refreshSoon(run.job, name);
  });
  events.addEventListener('open', startAnew);
  events.addEventListener('error', () => {
    trouble = commandEnded;
    showConnection();
  });
  return events;
}

addEventListener('hashchange', () => {
  if (!/^#(?:\/|$)/.test(location.hash)) return;
  showPage();
  document.getElementById('title')?.focus();
});
document.addEventListener('visibilitychange', listenWhileSeen);
showPage();
listenWhileSeen();
ask('/tool').then(
  (answer) => {
    tool = answer.tool;
    showTitle();
  },
  () => {},
);

/** Pages that are loaded when somebody comes, and again when a job does something. */
import { make, makeTable, replaceChildren } from './elements.js';
import { ask } from './service.js';
import { makeTime } from './times.js';

const againMs = 5_000;

/**
 * @typedef {{ job: string, happened: string | null, event: string, reason: string | null, state: string, message: string }} Mailed
 * @typedef {{ name: string, limit: string, used: string | null }} QuotaItem
 */

class LoadedView {
  #content = make('div', {}, make('p', {}, 'Loading.'));
  #introduction = make('p');
  #shown = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again = undefined;

  /**
   * @param {string} title
   * @param {string} introduction
   * @param {string} path
   * @param {(answer: any) => Node[]} render
   * @param {(answer: any) => boolean} isUnderWay what changes though no job does anything: it is asked for again
   */
  constructor(title, introduction, path, render, isUnderWay = () => false) {
    this.title = title;
    this.path = path;
    this.render = render;
    this.isUnderWay = isUnderWay;
    const again = make('button', { type: 'button' }, 'Load again');
    again.addEventListener('click', () => void this.load());
    this.#introduction.append(`${introduction} `, again);
    const heading = make('h1', { id: 'title', tabindex: '-1' }, title);
    this.element = make('section', { 'aria-labelledby': 'title' }, heading, this.#introduction, this.#content);
    void this.load();
  }

  async load() {
    clearTimeout(this.#again);
    try {
      const answer = await ask(this.path);
      this.#show(answer);
      if (this.isUnderWay(answer)) this.#loadLater();
    } catch (error) {
      this.#shown = '';
      this.#content.replaceChildren(make('p', { class: 'trouble' }, /** @type {Error} */ (error).message));
    }
  }

  /** One that nobody sees is loaded when it is seen again. */
  #loadLater() {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => {
      if (this.element.isConnected && !document.hidden) void this.load();
    }, againMs);
  }

  /** @param {unknown} answer */
  #show(answer) {
    const shown = JSON.stringify(answer);
    if (shown === this.#shown) return;
    this.#shown = shown;
    replaceChildren(this.#content, ...this.render(answer));
  }
}

export class MailView extends LoadedView {
  constructor() {
    super(
      'Mail',
      'What became of each event that a mail or the webhook may tell of, the newest first.',
      '/mail',
      mailTable,
      ({ events }) =>
        events.some((/** @type {Mailed} */ { state }) => ['gathered', 'sealed', 'deferred'].includes(state)),
    );
  }
}

export class QuotaView extends LoadedView {
  constructor() {
    super('Quota', 'What the tool may use, and what it uses.', '/quota', quotaTables);
  }
}

/** @param {{ events: readonly Mailed[] }} answer */
function mailTable({ events }) {
  if (events.length === 0)
    return [make('p', { class: 'empty' }, 'Nothing has happened that a mail or a webhook would tell of.')];
  const rows = events.map(({ job, happened, event, reason, message }) => [
    makeTime(happened),
    make('a', { href: `#/job/${encodeURIComponent(job)}` }, job),
    reason ? `${event} (${reason.replaceAll('_', ' ')})` : event,
    message,
  ]);
  return [makeTable('Events and their mail', ['When', 'Job', 'Event', 'What became of it'], rows)];
}

/** @param {{ quota: { categories: readonly { name: string, items: readonly QuotaItem[] }[] } }} answer */
function quotaTables({ quota }) {
  return quota.categories.flatMap(({ name, items }) => {
    const isCounted = items.some(({ used }) => used !== null);
    const head = isCounted ? ['What', 'Used', 'Limit'] : ['What', 'Limit'];
    const rows = items.map(({ name: what, used, limit }) =>
      isCounted ? [what, used === limit ? make('strong', {}, `${used}, full`) : (used ?? ''), limit] : [what, limit],
    );
    return [make('h2', {}, name), makeTable(name, head, rows)];
  });
}

/** Pages that are loaded when somebody comes, and again when a job does something. */
import { make, makeTable } from './elements.js';
import { ask } from './service.js';
import { makeTime } from './times.js';

/**
 * @typedef {{ job: string, happened: string | null, event: string, reason: string | null, message: string }} Mailed
 * @typedef {{ name: string, limit: string, used: string | null }} QuotaItem
 */

class LoadedView {
  #content = make('div', {}, make('p', {}, 'Loading.'));
  #introduction = make('p');

  /**
   * @param {string} title
   * @param {string} introduction
   * @param {string} path
   * @param {(answer: any) => Node[]} render
   */
  constructor(title, introduction, path, render) {
    this.title = title;
    this.path = path;
    this.render = render;
    const again = make('button', { type: 'button' }, 'Load again');
    again.addEventListener('click', () => void this.load());
    this.#introduction.append(`${introduction} `, again);
    const heading = make('h1', { id: 'title', tabindex: '-1' }, title);
    this.element = make('section', { 'aria-labelledby': 'title' }, heading, this.#introduction, this.#content);
    void this.load();
  }

  async load() {
    try {
      this.#content.replaceChildren(...this.render(await ask(this.path)));
    } catch (error) {
      this.#content.replaceChildren(make('p', { class: 'trouble' }, /** @type {Error} */ (error).message));
    }
  }
}

export class MailView extends LoadedView {
  constructor() {
    super(
      'Mail',
      'What became of each event that a mail or the webhook may tell of, the newest first.',
      '/mail',
      mailTable,
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

/** The last lines of a job or of one of its runs; who has scrolled to the end stays at the end. */
import { make, setText } from './elements.js';
import { ask } from './service.js';

/** @typedef {{ pod?: string, container?: string, timestamp?: string | null, message?: string }} Line */

export class OutputBox {
  #note = make('p', { class: 'muted', role: 'status' });
  #lines = make('pre', { tabindex: '0', role: 'region', 'aria-label': 'Output' });

  /** @param {string} path */
  constructor(path) {
    this.path = path;
    this.#lines.hidden = true;
    this.element = make('div', {}, this.#note, this.#lines);
  }

  async load() {
    const { hidden, scrollTop, clientHeight, scrollHeight } = this.#lines;
    const isAtEnd = hidden || scrollTop + clientHeight >= scrollHeight - 4;
    try {
      const { lines, trouble } = await ask(this.path);
      const none = lines.length === 0 ? 'There is no output, or none any more.' : '';
      this.#lines.hidden = lines.length === 0;
      setText(this.#note, trouble === null ? none : `The output cannot be shown: ${trouble}`);
      setText(this.#lines, lines.map(lineText).join('\n'));
      if (isAtEnd) this.#lines.scrollTop = this.#lines.scrollHeight;
    } catch (error) {
      setText(this.#note, `The output cannot be shown: ${/** @type {Error} */ (error).message}`);
    }
  }
}

/** @param {Line} line */
function lineText({ pod, container, timestamp, message }) {
  const when = timestamp ? `${timestamp.slice(0, 19).replace('T', ' ')} ` : '';
  return `${when}[${pod}] [${container}] ${message}`;
}

/** Elements from plain values. Text becomes text, never markup. */

/**
 * @param {string} tag
 * @param {Readonly<Record<string, string>>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * Leaves alone what is so already: what a person has selected stays selected.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * What has the focus keeps it where the same link is there again.
 * @param {Element} element
 * @param {...Node} children
 */
export function replaceChildren(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement?.getAttribute('href') : null;
  element.replaceChildren(...children);
  if (focused) [...element.querySelectorAll('a')].find((link) => link.getAttribute('href') === focused)?.focus();
}

/**
 * A table whose cells know the name of their column, for screens too narrow for columns.
 * @param {string} caption
 * @param {readonly string[]} head
 * @param {readonly (readonly (Node | string)[])[]} rows
 */
export function makeTable(caption, head, rows) {
  const body = rows.map((cells) =>
    make('tr', { role: 'row' }, ...cells.map((cell, at) => makeCell(head[at] ?? '', cell))),
  );
  return make(
    'table',
    { role: 'table' },
    make('caption', {}, caption),
    make('thead', { role: 'rowgroup' }, makeHead(head)),
    make('tbody', { role: 'rowgroup' }, ...body),
  );
}

/** @param {readonly string[]} head */
export function makeHead(head) {
  return make('tr', { role: 'row' }, ...head.map((title) => make('th', { role: 'columnheader', scope: 'col' }, title)));
}

/**
 * @param {string} title
 * @param {...(Node | string)} children
 */
export function makeCell(title, ...children) {
  return make('td', { role: 'cell', 'data-title': title }, ...children);
}

/**
 * Terms with what is known of them; those of which nothing is are left out.
 * @param {readonly [term: string, values: readonly (Node | string)[]][]} facts
 */
export function makeFactList(facts) {
  const known = facts.filter(([, [first = '']]) => first !== '');
  return make('dl', {}, ...known.flatMap(([term, values]) => [make('dt', {}, term), make('dd', {}, ...values)]));
}

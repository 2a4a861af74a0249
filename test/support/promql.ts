/** What a query of Prometheus asks for. Knows as much of the language as the queries of config/monitoring need; promtool checks the rest. */

export interface Query {
  readonly selectors: readonly Selector[];
  /** Labels in by (…), on (…), ignoring (…) and without (…). */
  readonly grouping: readonly string[];
}

export interface Selector {
  readonly name: string;
  readonly matchers: readonly { readonly label: string; readonly how: string; readonly value: string }[];
}

const operators: ReadonlySet<string> = new Set(['and', 'or', 'unless', 'bool']);

export function readQuery(text: string): Query {
  const grouping: string[] = [];
  const selectors: Selector[] = [];
  const rest = text
    .replace(/\b(?:by|on|ignoring|without)\s*\(([^)]*)\)/g, (_, labels: string) => {
      grouping.push(...labels.split(',').map((label) => label.trim()));
      return ' ';
    })
    .replace(/(\w+)\s*\{((?:[^}"]|"[^"]*")*)\}/g, (_, name: string, inner: string) => {
      const matchers = [...inner.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)];
      selectors.push({
        name,
        matchers: matchers.map(([, label = '', how = '', value = '']) => ({ label, how, value })),
      });
      return ' ';
    })
    .replace(/\[[^\]]*\]/g, ' ');
  for (const [, name = ''] of rest.matchAll(/\b([a-zA-Z_]\w*)\b(?!\s*\()/g))
    if (!operators.has(name)) selectors.push({ name, matchers: [] });
  return { selectors, grouping };
}

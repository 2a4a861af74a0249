/** The table of docs/settings.md says of each key what the program does with it: field, unit, range and default are found out by trying. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSettings, type Settings, settingDefaults, settingKeys } from '../../src/settings.ts';
import { repositoryRoot } from '../support/repository-root.ts';

interface Row {
  readonly key: string;
  readonly field: string;
  readonly unit: string;
  readonly range: string;
  readonly default: string;
}

const page = readFileSync(join(repositoryRoot, 'docs/settings.md'), 'utf8');
const rows: readonly Row[] = [
  ...page.matchAll(/^\| `([a-z_]+)` \| `([\w.]+)` \| (.+?) \| (.+?) \| (.+?) \| .+ \|$/gm),
].map(([, key = '', field = '', unit = '', range = '', usual = '']) => ({
  key,
  field,
  unit,
  range,
  default: unquoted(usual),
}));

/** What the words of a range mean: values on this side of the edge and on the other. */
const inWords: Readonly<Record<string, Edge>> = {
  'empty, or tool names with commas or blanks between': {
    good: ['', 'alpha', 'alpha, beta gamma'],
    bad: ['Alpha', '-a', 'a;b'],
  },
  'hosts with commas or blanks between: `hooks.example.org`, `*.example.org` (every name below it), or `*`': {
    good: ['', '*', 'hooks.example.org', '*.example.org, hooks.example.net 192.0.2.1'],
    bad: ['https://hooks.example.org', 'a.*.org', '**', 'Hooks.example.org', 'hooks.example.org/x'],
  },
  'a CPU quantity such as `500m` or `1`': { good: ['500m', '1', '0.5'], bad: ['', '1Gi', '-1', 'one'] },
  'empty, or a DNS name': { good: ['', 'jobs.example.org'], bad: ['-a', 'a b', 'Example.org'] },
  'empty, or the name of an IngressClass': { good: ['', 'nginx'], bad: ['-a', 'a b', 'Nginx'] },
  'a bare address': {
    good: ['noreply@example.org'],
    bad: ['', 'noreply', 'Jobs <noreply@example.org>', 'a@b.org,c@d.org'],
  },
  'the beginning of an address': { good: ['tools', 'tools.jobs'], bad: ['', 'tools@', '.tools'] },
  'a domain': { good: ['mail.example.org'], bad: ['', 'localhost', 'a@example.org', '192.0.2.1'] },
};

interface Edge {
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

describe('the table of settings', () => {
  it('has a row for each key', () => {
    expect(rows.map(({ key }) => key).sort()).toEqual([...settingKeys].sort());
  });

  it.each(rows)('says the default of $key', (row) => {
    expect(row.default).toBe(settingDefaults[row.key]);
  });

  it.each(rows)('says the range of $key, to the edge', ({ key, range }) => {
    const { good, bad } = edgeOf(range);
    expect(good.filter((value) => !isTaken(key, value))).toEqual([]);
    expect(bad.filter((value) => isTaken(key, value))).toEqual([]);
  });

  it.each(rows)('says which field $key changes, and no other does', ({ key, field, range }) => {
    const other = edgeOf(range).good.filter((value) => value !== settingDefaults[key]);
    const changed = other.flatMap((value) => fieldsThatDiffer(fieldsWith({ [key]: value }), fieldsWith({})));
    expect([...new Set(changed)]).toEqual([field]);
  });

  it.each(rows)('says the unit of $key', ({ key, field, unit, range }) => {
    const [, least] = /^(\d+) to \d+$/.exec(range) ?? [];
    expect(unit === 'seconds').toBe(field.endsWith('Ms'));
    if (least !== undefined) {
      const value = String(Number(least) + 1);
      expect(fieldsWith({ [key]: value }).get(field)).toBe(Number(value) * (unit === 'seconds' ? 1_000 : 1));
    }
  });
});

function unquoted(cell: string): string {
  return cell === 'empty' ? '' : cell.replaceAll('`', '');
}

function edgeOf(range: string): Edge {
  const [, least, most] = /^(\d+) to (\d+)$/.exec(range) ?? [];
  if (least !== undefined && most !== undefined) {
    return { good: [least, most], bad: [String(Number(least) - 1), String(Number(most) + 1), '1.5', ''] };
  }
  const words = inWords[range];
  if (words) return words;
  const good = range.split(', ').map(unquoted);
  return { good, bad: ['', 'Yes', 'Wrong!'].filter((value) => !good.includes(value)) };
}

function isTaken(key: string, value: string): boolean {
  try {
    fieldsWith({ [key]: value });
    return true;
  } catch {
    return false;
  }
}

/** Without it nobody may send. */
const allow = [{ host: settingDefaults.smtp_server_fqdn ?? '' }];

/** Every field by its path, e.g. `mail.windowMs`, in a form that can be compared. */
function fieldsWith(raw: Record<string, string>): ReadonlyMap<string, unknown> {
  const { mail, webhooks, ...rest } = parseSettings(raw, { allow }).settings;
  const flat = (values: object, place: string) =>
    Object.entries(values).map(([name, value]) => [`${place}${name}`, comparable(value)] as const);
  const own = rest satisfies Omit<Settings, 'mail' | 'webhooks'>;
  return new Map([...flat(own, ''), ...flat(mail, 'mail.'), ...flat(webhooks, 'webhooks.')]);
}

function comparable(value: unknown): unknown {
  return value instanceof Set || Array.isArray(value) ? [...value].join(' ') : value;
}

function fieldsThatDiffer(one: ReadonlyMap<string, unknown>, other: ReadonlyMap<string, unknown>): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].filter((name) => one.get(name) !== other.get(name));
}

/** Every section of a vector file with the function that checks its rows. */
import { check2023, check2026, type Fixture, readFixture } from './objects.ts';
import {
  checkCommand,
  checkDuration,
  checkMacros,
  checkName,
  checkQuantity,
  checkQuotaWords,
  checkSchedule,
  type Row,
} from './texts.ts';
import type { Verdict } from './verdict.ts';

type Check = (row: Row, fixture: Fixture) => Verdict;

const sections: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['cron_macros', checkMacros],
  ['cron_validate', checkSchedule],
  ['job_names', checkName],
  ['quantities', checkQuantity],
  ['durations', checkDuration],
  ['quota_error', checkQuotaWords],
  ['command_for_k8s', checkCommand],
  ['k8s_objects_2026', check2026],
  ['k8s_objects_2023', check2023],
]);

/** Keys of a file that hold no rows. */
const aboutTheFile: ReadonlySet<string> = new Set(['note', 'fixture']);

/** For a file whose sections need none. */
const noFixture: Row = {
  tool: 'some-tool',
  home: '/data/project/some-tool',
  uid: 0,
  gid: 0,
  default_cpu_limit: '1000m',
  defaults_2026: { memory: '512Mi', cpu: '100m' },
  images: [],
};

export interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly differing: number;
  /** Rows a rule, by its key; a row may be named by two. */
  readonly byDecision: ReadonlyMap<string, number>;
  /** A line for each row that does not simply agree, and one a section. */
  readonly lines: readonly string[];
}

/** @throws Error for what is no vector file at all, or a known section in a form that is not known */
export function checkVectors(file: unknown): Report {
  if (!isRecord(file)) throw new Error('it is no object with sections');
  const fixture = readFixture(isRecord(file.fixture) ? file.fixture : noFixture);
  const parts = Object.entries(file)
    .filter(([key]) => !aboutTheFile.has(key))
    .map(([name, rows]) => checkSection(name, rows, fixture));
  const count = (is: Verdict['is']) => parts.reduce((sum, part) => sum + part.count[is], 0);
  const byDecision = new Map<string, number>();
  for (const key of parts.flatMap(({ keys }) => keys)) byDecision.set(key, (byDecision.get(key) ?? 0) + 1);
  const lines = parts.flatMap((part) => part.lines);
  return { passed: count('passed'), failed: count('failed'), differing: count('differs'), byDecision, lines };
}

interface Part {
  readonly count: Readonly<Record<Verdict['is'], number>>;
  readonly keys: readonly string[];
  readonly lines: readonly string[];
}

function checkSection(name: string, rows: unknown, fixture: Fixture): Part {
  const check = sections.get(name);
  const count = { passed: 0, failed: 0, differs: 0 };
  if (!check) return { count: { ...count, failed: 1 }, keys: [], lines: [`${name}: not a section that is known here`] };
  if (!Array.isArray(rows) || !rows.every(isRecord)) throw new Error(`its section ${name} is no list of rows`);
  const keys: string[] = [];
  const lines: string[] = [];
  for (const row of rows) {
    const verdict = judged(check, row, fixture);
    count[verdict.is] += 1;
    if (verdict.is === 'passed') continue;
    const title = `${name}: ${JSON.stringify(row.in ?? row.cmd ?? row)}`;
    if (verdict.is === 'failed') lines.push(`${title} fails\n      ${verdict.why}`);
    else {
      keys.push(...verdict.keys);
      lines.push(`${title} differs by decision: ${verdict.keys.join(', ')}`);
    }
  }
  lines.push(`${name}: ${count.passed} agree, ${count.differs} differ by decision, ${count.failed} fail`);
  return { count, keys, lines };
}

/** A mistake of ours in one row must not hide the others. */
function judged(check: Check, row: Row, fixture: Fixture): Verdict {
  try {
    return check(row, fixture);
  } catch (error) {
    return { is: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function isRecord(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

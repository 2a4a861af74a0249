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
  /** Rows a rule, by its key. */
  readonly byDecision: ReadonlyMap<string, number>;
  /** A line for each failure, and one a section. */
  readonly lines: readonly string[];
}

export function checkVectors(file: unknown): Report {
  const lines: string[] = [];
  const byDecision = new Map<string, number>();
  const total = { passed: 0, failed: 0, differs: 0 };
  const given = typeof file === 'object' && file !== null ? (file as Row) : {};
  const fixture = readFixture((given.fixture ?? noFixture) as Row);
  for (const [name, rows] of Object.entries(given).filter(([key]) => !aboutTheFile.has(key))) {
    const check = sections.get(name);
    if (!check || !Array.isArray(rows)) {
      total.failed += 1;
      lines.push(`${name}: not a section that is known here`);
      continue;
    }
    const count = { passed: 0, failed: 0, differs: 0 };
    for (const row of rows as Row[]) {
      const verdict = judged(check, row, fixture);
      count[verdict.is] += 1;
      total[verdict.is] += 1;
      if (verdict.is === 'failed') lines.push(`${name}: ${JSON.stringify(row.in ?? row)}\n      ${verdict.why}`);
      if (verdict.is === 'differs') for (const key of verdict.keys) byDecision.set(key, (byDecision.get(key) ?? 0) + 1);
    }
    lines.push(`${name}: ${count.passed} agree, ${count.differs} differ by decision, ${count.failed} fail`);
  }
  return { passed: total.passed, failed: total.failed, byDecision, lines };
}

/** A mistake of ours in one row must not hide the others. */
function judged(check: Check, row: Row, fixture: Fixture): Verdict {
  try {
    return check(row, fixture);
  } catch (error) {
    return { is: 'failed', why: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

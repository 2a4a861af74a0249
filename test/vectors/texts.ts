/** The sections of a vector file that are about single texts and numbers. */
import { wrapCommand } from '../../src/definition/command.ts';
import { parseSchedule, spreadMacro } from '../../src/definition/cron.ts';
import { parseDefinition } from '../../src/definition/definition.ts';
import { cpuText2026, isSameQuantity, memoryText2026, parseQuantity } from '../../src/definition/quantity.ts';
import { AppError } from '../../src/errors.ts';
import { formatDuration } from '../../src/server/dialects/status/duration.ts';
import { refusalInWords } from '../../src/server/dialects/status/refusal-words.ts';
import { differencesFor, keysOf, refusedNumber } from './differences.ts';
import { attempt, compare, passed, type Verdict } from './verdict.ts';

/** A row as it stands in the file. */
export type Row = Readonly<Record<string, unknown>>;

export function checkMacros({ seed, ...macros }: Row): Verdict {
  const drawn = Object.fromEntries(Object.keys(macros).map((macro) => [macro, spreadMacro(macro, String(seed))]));
  return compare(drawn, macros);
}

/** Macros are drawn for the job of the specification's own example. */
const exampleJob = { tool: 'some-tool', job: 'some-job' };

export function checkSchedule(row: Row): Verdict {
  const text = String(row.in);
  const rules = differencesFor('cron_validate', { text });
  const isRefused = rules.some(({ instead }) => instead === 'refused');
  const got = attempt(() => parseSchedule(text, exampleJob));
  if (got instanceof AppError) {
    const detail = got.fields?.detail;
    return isRefused && detail !== row.msg
      ? compare(detail, refusedNumber(text), keysOf(rules))
      : compare(detail, row.msg);
  }
  const weekday = /(?<= )([^ ]*)$/;
  const wanted = rules.some(({ instead }) => instead === 'sunday is 0')
    ? String(row.ok).replace(weekday, (days) => days.replace(/(^|,)7(?=$|,|\/)/g, '$10'))
    : row.ok;
  return compare(got.actual, wanted, keysOf(rules));
}

export function checkName({ in: name, ok, msg }: Row): Verdict {
  const rules = differencesFor('job_names', { text: String(name) });
  const got = attempt(() => parseDefinition({ name, cmd: 'x', imagename: 'x' }));
  if (!(got instanceof AppError)) return ok ? passed : { is: 'failed', why: `accepted, wanted: ${msg}` };
  return rules.length > 0 && got.message !== msg
    ? compare(got.message.split('.')[0], 'Invalid job name', keysOf(rules))
    : compare(got.message, msg);
}

export function checkQuantity(row: Row): Verdict {
  const text = String(row.in);
  const rules = differencesFor('quantities', { text });
  if (parseQuantity(text) === undefined) {
    const keys = keysOf(rules.filter(({ instead }) => instead === 'refused'));
    return 'err' in row ? passed : compare('refused', keys.length > 0 ? 'refused' : row.decimal, keys);
  }
  if ('err' in row) return { is: 'failed', why: `accepted, wanted: ${row.err}` };
  const isTyped = (what: string) => rules.some(({ instead }) => instead === what);
  const got = {
    isSame: isSameQuantity(text, String(row.decimal)),
    memory: memoryText2026(text),
    cpu: cpuText2026(text),
  };
  const wanted = {
    isSame: true,
    memory: isTyped('memory as typed') ? text : row.as_mem,
    cpu: isTyped('cpu as typed') ? text : row.as_cpu,
  };
  return compare(got, wanted, keysOf(rules));
}

export function checkDuration(row: Row): Verdict {
  const seconds = Number(row.s);
  const keys = keysOf(differencesFor('durations', { seconds }));
  return compare(formatDuration(seconds), keys.length > 0 ? '0s' : row.out, keys);
}

/** The words stand in the short status behind `Unable to start, `. */
export function checkQuotaWords(row: Row): Verdict {
  const message = String(row.in);
  const keys = keysOf(differencesFor('quota_error', { text: String(row.out) }));
  const words = refusalInWords(message.includes('exceeded quota') ? message : `exceeded quota ${message}`);
  return compare(words.replace('Unable to start, ', ''), keys.length > 0 ? 'out of quota' : row.out, keys);
}

const files = { stdout: '/data/project/t/j.out', stderr: '/data/project/t/j.err' };

/** Before `launcher` is put in front. A row without a command is one whose words cannot be told apart. */
export function checkCommand({ cmd, filelog, buildservice, command, args }: Row): Verdict {
  const got = wrapCommand(String(cmd), filelog ? files : undefined, buildservice ? 'buildservice' : 'standard');
  return compare({ command: got ?? null, args: null }, { command: command ?? null, args: args ?? null });
}

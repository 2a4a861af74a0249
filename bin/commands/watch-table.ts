/** The table that `watch` draws, as high and wide as the terminal. Pure. */
import { momentOf } from '../terminal/cells.ts';
import { cut } from '../terminal/screen.ts';
import { columnsOf } from '../terminal/table.ts';
import { visibleLine } from '../terminal/terminal.ts';
import type { LiveJob, LiveJobs } from './live-jobs.ts';

export interface TableRoom {
  readonly columns: number;
  readonly rows: number;
  /** What the service says beside the list. */
  readonly notes: readonly string[];
  /** Nothing is known of the jobs yet. */
  readonly isAsking: boolean;
  /** Set while the service is away. */
  readonly awayNote: string | undefined;
}

const head = ['Job', 'Type', 'Status', 'Since (UTC)', 'Details'];
const gap = '  ';
/** A long name leaves room for what became of its job. */
const maxNameShare = 0.4;

/** @returns lines that may be wider than the terminal, in details only */
export function watchTable(live: LiveJobs, { columns, rows, notes, isAsking, awayNote }: TableRoom): string[] {
  const all = live.list();
  const above = [awayNote ?? 'Ctrl-C ends it; the jobs go on.', ...notes];
  const room = Math.max(1, rows - above.length - 2);
  const isCut = all.length > room;
  const jobs = isCut ? live.list(Math.max(1, room - 1)) : all;
  const body = jobs.map((job) => cellsOf(job, Math.floor(columns * maxNameShare)));
  return [
    ...above,
    '',
    ...(all.length === 0 ? [isAsking ? 'Asking for the jobs …' : 'This tool has no jobs.'] : aligned([head, ...body])),
    ...(isCut ? [`and ${all.length - jobs.length} more, of which nothing newer was heard`] : []),
  ];
}

function cellsOf({ name, type, state, since, details }: LiveJob, nameColumns: number): string[] {
  return [
    cut(name, nameColumns),
    visibleLine(type),
    visibleLine(state),
    since === undefined ? '' : momentOf(new Date(since).toISOString()).slice(5),
    visibleLine(details),
  ];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, column) => Math.max(...rows.map((row) => columnsOf(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, column) => `${cell}${' '.repeat((widths[column] ?? 0) - columnsOf(cell))}`)
      .join(gap)
      .trimEnd(),
  );
}

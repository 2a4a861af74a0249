/** What is planned for the parts of a job, in words. Pure. */
import type { JobDefinition } from '../../domain.ts';
import type { PlannedJob } from '../plan/planned-job.ts';
import { scheduleText } from './job-2026.ts';

const maxNames = 5;

/** @param wordsOf what becomes of one of them */
export function wordsOfParts(parts: readonly PlannedJob[], wordsOf: (part: PlannedJob) => string): string {
  const sentences = (['create', 'update', 'delete'] as const).flatMap((action) => {
    const found = parts.filter((part) => part.action === action);
    const [first] = found;
    return first ? [`${verbs[action](found.length)}: ${namesOf(found)}. ${wordsOf(first)}`.trim()] : [];
  });
  const kept = parts.filter(({ action }) => action === 'unchanged').length;
  if (sentences.length === 0 || kept === 0) return sentences.join(' ');
  return [...sentences, `${kept === 1 ? 'One part is' : `${kept} parts are`} not touched.`].join(' ');
}

const verbs: Readonly<Record<'create' | 'update' | 'delete', (count: number) => string>> = {
  create: (count) => (count === 1 ? 'One part comes' : `${count} parts come`),
  update: (count) => (count === 1 ? 'One part changes' : `${count} parts change`),
  delete: (count) => (count === 1 ? 'One part goes' : `${count} parts go`),
};

function namesOf(parts: readonly PlannedJob[]): string {
  const names = parts.map(({ name }) => name);
  const left = names.length - maxNames;
  return left > 1 ? `${names.slice(0, maxNames).join(', ')} and ${left} more` : names.join(', ');
}

export function isAnyNew({ parts }: PlannedJob): boolean {
  return parts?.some(({ action }) => action === 'create') ?? false;
}

/** What makes the parts, where another one is asked for. */
export function changesOfParts({
  parts,
  present,
  definition,
}: PlannedJob): { field: string; from: unknown; to: unknown }[] {
  if (!parts) return [];
  const before = present?.object.definition;
  return [
    { field: 'schedule', from: schedulesOf(before), to: schedulesOf(definition) },
    { field: 'parameters', from: before?.parameters ?? null, to: definition?.parameters ?? null },
    { field: 'matrix', from: before?.matrix ?? null, to: definition?.matrix ?? null },
  ].filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to));
}

function schedulesOf(definition: JobDefinition | undefined): string | null {
  const texts = definition?.schedules?.map(({ text }) => text);
  return texts ? scheduleText(texts) : null;
}

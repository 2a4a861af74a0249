/** A short name for what a job was asked to be: the same as long as nothing of it is changed. Pure. */
import { createHash } from 'node:crypto';
import type { ObjectFacts } from '../domain.ts';
import { definitionOf, encodeDefinition } from './definition.ts';

/** @returns eight hex digits; undefined for an object that could not be read */
export function versionOf(object: Pick<ObjectFacts, 'definition' | 'job'> | undefined): string | undefined {
  const definition = object?.definition ?? (object?.job && definitionOf(object.job));
  return definition && createHash('sha256').update(encodeDefinition(definition)).digest('hex').slice(0, 8);
}

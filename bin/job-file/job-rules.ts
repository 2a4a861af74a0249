/**
 * The service's own rules of a job, so that a file is refused as a whole before anything of it is sent. Loaded only by `load`, as a bundle
 * of its own: what crosses its border is plain text.
 */
import { parseDefinition } from '../../src/definition/definition.ts';
import { AppError } from '../../src/errors.ts';

/** @returns everything the service would refuse of this body without looking at the cluster */
export function problemsOfBody(body: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    parseDefinition(body);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.problems ?? [error.message];
  }
}

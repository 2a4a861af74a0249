import { describe, expect, it } from 'vitest';
import { parseDefinition } from '../../src/definition/definition.ts';
import { readFiringSpec, toFiringSpec, unusualFiring, usualFiring } from '../../src/definition/firing-rules.ts';
import { concurrencyChoices } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';

const scheduled = { name: 'demo', cmd: './run.sh', imagename: 'bookworm', schedule: '0 7 * * *' };

function problemsOf(input: Record<string, unknown>): readonly string[] {
  try {
    parseDefinition(input);
    return [];
  } catch (error) {
    return error instanceof AppError ? (error.problems ?? [error.message]) : expect.fail(String(error));
  }
}

describe('how a job fires', () => {
  it('comes back from the object it made', () => {
    for (const concurrency of concurrencyChoices) {
      const asked = { timeZone: 'Europe/Rome', concurrency, startingDeadline: 600 };
      expect(readFiringSpec({ spec: toFiringSpec(asked) })).toEqual(asked);
    }
  });

  it('is as it always was where nothing is asked for', () => {
    expect(toFiringSpec(usualFiring)).toEqual({ concurrencyPolicy: 'Forbid', startingDeadlineSeconds: 30 });
    expect(readFiringSpec({})).toEqual(usualFiring);
    expect(Object.values(unusualFiring(usualFiring)).filter((value) => value !== undefined)).toEqual([]);
  });

  it('is refused with the field and the rule', () => {
    const firing = { timezone: 'Local', concurrency: 'Replace', starting_deadline: 5 };
    expect(problemsOf({ ...scheduled, ...firing })).toEqual([
      'timezone: "Local" is no time zone that the cluster knows. Example: "Europe/Rome".',
      'concurrency: "Replace" is not one of forbid, replace, allow.',
      'starting_deadline: 5 is not a whole number from 10 to 86400. Example: 600.',
    ]);
  });

  it('is for scheduled jobs only', () => {
    const { schedule: _, ...other } = scheduled;
    const firing = { timezone: 'Europe/Rome', concurrency: 'allow', starting_deadline: 60 };
    expect(problemsOf({ ...other, ...firing })).toEqual(
      Object.keys(firing).map((field) => `${field}: is for scheduled jobs only. Leave it out.`),
    );
  });
});

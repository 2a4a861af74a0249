/**
 * How a scheduled job fires beside its schedule: on whose clocks, what becomes of a firing while a run goes on, and how late a run may
 * begin. Both ways, to a CronJob and back. Pure.
 */
import { concurrencyChoices, type KubeObject, type ResolvedJob } from '../domain.ts';
import { integerAt, textAt } from '../fields.ts';

type FiringFields = Pick<ResolvedJob, 'timeZone' | 'concurrency' | 'startingDeadline'>;

/** Of a job that asks for nothing else. */
export const usualFiring: FiringFields = { timeZone: 'UTC', concurrency: 'forbid', startingDeadline: 30 };

/** A day: so long a firing that was not begun is waited for, at most until the next one. */
export const longestDeadlineSeconds = 86_400;

const policies = { forbid: 'Forbid', replace: 'Replace', allow: 'Allow' } as const;

/** The fields of the spec of a CronJob; UTC is what the cluster has without a zone. */
export function toFiringSpec({ timeZone, concurrency, startingDeadline }: FiringFields): KubeObject {
  return {
    concurrencyPolicy: policies[concurrency],
    startingDeadlineSeconds: startingDeadline,
    ...(timeZone === usualFiring.timeZone ? {} : { timeZone }),
  };
}

/** What an object does not say is as usual. */
export function readFiringSpec(cronJob: KubeObject): FiringFields {
  const policy = textAt(cronJob, 'spec', 'concurrencyPolicy');
  return {
    timeZone: textAt(cronJob, 'spec', 'timeZone') ?? usualFiring.timeZone,
    concurrency: concurrencyChoices.find((choice) => policies[choice] === policy) ?? usualFiring.concurrency,
    startingDeadline: integerAt(cronJob, 'spec', 'startingDeadlineSeconds') ?? usualFiring.startingDeadline,
  };
}

/** Only what differs from the usual. */
export function unusualFiring(job: FiringFields): {
  readonly [Field in keyof FiringFields]: FiringFields[Field] | undefined;
} {
  const { timeZone, concurrency, startingDeadline } = usualFiring;
  return {
    timeZone: job.timeZone === timeZone ? undefined : job.timeZone,
    concurrency: job.concurrency === concurrency ? undefined : job.concurrency,
    startingDeadline: job.startingDeadline === startingDeadline ? undefined : job.startingDeadline,
  };
}

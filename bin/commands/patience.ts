/** Sending one of many: long files meet the tool's share of requests, and quotas the bookkeeping of the job before. */
import { AppError, type ErrorCode } from '../../src/errors.ts';
import type { Context } from './outcome.ts';

/** Nothing was done, and a moment later it may be. */
const passing: readonly ErrorCode[] = ['caller.too_many', 'kube.conflict'];
/** Not about this job: the next ones would only meet the same. */
const cuttingOff = /^(?:service\.unreachable|view\.not_ready|kube\.unreachable|caller\.|credentials\.|settings\.)/;
const maxTries = 8;
const maxPauseSeconds = 30;

/** @param besides what else is worth trying again, of a request that may be made twice. @throws AppError what did not pass */
export async function patiently<T>(
  { clock }: Context,
  send: () => Promise<T>,
  besides: readonly ErrorCode[] = [],
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      const isPassing = error instanceof AppError && [...passing, ...besides].includes(error.code);
      if (!isPassing || attempt === maxTries) throw error;
      await clock.sleep(Math.min(error.retryAfterSeconds ?? 1, maxPauseSeconds) * 1000);
    }
  }
}

export function isCutOff({ code }: AppError): boolean {
  return cuttingOff.test(code);
}

/** `tool renew`: a new certificate for each tool whose own is about to end, or no good. What else belongs to a tool is left as it is. */
import type { Tool } from '../../src/domain.ts';
import { AppError, toAppError } from '../../src/errors.ts';
import type { Kube } from '../../src/kube.ts';
import { issueCertificate } from './tool-certificate.ts';
import { writeHomeFiles } from './tool-home.ts';
import type { Say } from './tool-kube.ts';
import { clientAuthorities, lookAtPair } from './tool-pair.ts';

export interface RenewOptions {
  readonly homesBase: string;
  readonly ca: string;
  /** Life of a new certificate. */
  readonly days: number;
  /** Renewed is what ends within so many days. */
  readonly withinDays: number;
}

export interface Renewed {
  readonly name: string;
  readonly became: 'kept' | 'renewed' | 'failed';
  /** ISO 8601; of the certificate that is there now, where it is good. */
  readonly certificateEnds?: string;
  /** Why it was renewed, or could not be. */
  readonly why?: string;
}

const dayMs = 86_400_000;

/** One after another; one that fails is reported and does not keep the others waiting. @throws AppError `kube.*` where nothing can be asked */
export async function renewTools(
  kube: Kube,
  tools: readonly Tool[],
  options: RenewOptions,
  say: Say,
): Promise<Renewed[]> {
  const authorities = await clientAuthorities(kube, options.ca);
  const done: Renewed[] = [];
  for (const tool of tools) {
    const before = lookAtPair(options.homesBase, tool, authorities);
    if (before.ends !== undefined && before.ends - Date.now() > options.withinDays * dayMs) {
      done.push({ name: tool.name, became: 'kept', certificateEnds: iso(before.ends) });
      continue;
    }
    const why =
      before.ends === undefined ? `none good: ${before.problem}` : `good until ${iso(before.ends).slice(0, 10)}`;
    try {
      writeHomeFiles(options.homesBase, tool, { pair: await issueCertificate(kube, tool, options.days) });
      const { ends, problem } = lookAtPair(options.homesBase, tool, authorities);
      if (ends === undefined) throw new AppError('credentials.invalid', `The new certificate is not good: ${problem}`);
      done.push({ name: tool.name, became: 'renewed', certificateEnds: iso(ends), why });
      say(`${tool.name}: renewed until ${iso(ends).slice(0, 10)} (the one before: ${why})`);
    } catch (error) {
      const failure = `${toAppError(error).message} (the one before: ${why})`;
      done.push({ name: tool.name, became: 'failed', why: failure });
      say(`${tool.name}: failed. ${failure}`);
    }
  }
  return done;
}

export function renewedText(done: readonly Renewed[]): string {
  const count = (wanted: Renewed['became']) => done.filter(({ became }) => became === wanted).length;
  return `${count('renewed')} renewed, ${count('kept')} still good, ${count('failed')} failed`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

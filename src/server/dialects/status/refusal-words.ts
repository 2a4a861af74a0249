/** Why the cluster refuses to make a pod, in words its owner can act on: which quota and what would fit, or which limit. Pure. */
import { compareQuantities, differenceText, parseQuantity } from '../../../definition/quantity.ts';
import { isQuotaRefusal } from '../../../domain.ts';

/**
 * @param message of a FailedCreate event or a ReplicaFailure condition
 * @example `… exceeded quota: x, requested: …, limited: limits.cpu=2` becomes `Unable to start, out of quota for cpu`
 */
export function refusalInWords(message: string): string {
  if (isQuotaRefusal(message)) {
    const names = [...new Set([...amountsIn(message, 'limited').keys()].map(shortName))].sort().join(', ');
    return names ? `Unable to start, out of quota for ${names}` : 'Unable to start, out of quota';
  }
  const limit = /(minimum|maximum) (memory|cpu) usage per Container is (\S+?)[,.\s]/.exec(`${message} `);
  if (limit) return `Unable to start: the ${limit[1]} ${limit[2]} of one job is ${limit[3]}`;
  return 'Unable to start: the cluster refuses to make its pod';
}

/**
 * One sentence for each quota that is full, as far as the message tells (kubernetes.io, "Resource Quotas").
 * @example 'memory: 7680Mi of 8Gi are used and this job asks for 1Gi; 512Mi would fit'
 */
export function refusalDetails(message: string): string[] {
  if (!isQuotaRefusal(message)) return [];
  const [asked, used, hard] = (['requested', 'used', 'limited'] as const).map((key) => amountsIn(message, key));
  const sentences = [...(hard ?? [])].map(([name, most]) =>
    sentenceFor(shortName(name), { asked: asked?.get(name), used: used?.get(name), most }),
  );
  return [...new Set(sentences.filter((sentence) => sentence !== undefined))];
}

interface Amounts {
  readonly asked: string | undefined;
  readonly used: string | undefined;
  readonly most: string;
}

function sentenceFor(name: string, { asked, used, most }: Amounts): string | undefined {
  if (asked === undefined || used === undefined) return undefined;
  const [hard, taken] = [parseQuantity(most), parseQuantity(used)];
  if (!hard || !taken) return undefined;
  const fits =
    compareQuantities(hard, taken) > 0
      ? `${differenceText(hard, taken, name === 'memory')} would fit`
      : 'nothing fits until another job ends';
  return `${name}: ${used} of ${most} are used and this job asks for ${asked}; ${fits}`;
}

function shortName(name: string): string {
  return name.replace(/^(requests|limits)\./, '');
}

/** `key: a=1,b=2` of the message, the last of that key: a message may quote another. */
function amountsIn(message: string, key: 'requested' | 'used' | 'limited'): Map<string, string> {
  const list = message.slice(message.lastIndexOf(`${key}: `) + key.length + 2);
  if (!message.includes(`${key}: `)) return new Map();
  const pairs = list.split(', ', 1)[0]?.split(',') ?? [];
  return new Map(
    pairs.flatMap((pair): [string, string][] => {
      const [name = '', amount = ''] = pair.trim().split('=');
      return name === '' ? [] : [[name, amount]];
    }),
  );
}

/** Why the cluster refuses to make a pod, in words its owner can act on: which quota, or which limit. Pure. */

/**
 * @param message of a FailedCreate event or a ReplicaFailure condition
 * @example `… exceeded quota: x, requested: …, limited: limits.cpu=2` becomes `Unable to start, out of quota for cpu`
 */
export function refusalInWords(message: string): string {
  if (message.includes('exceeded quota')) {
    const names = limitedIn(message);
    return names ? `Unable to start, out of quota for ${names}` : 'Unable to start, out of quota';
  }
  const limit = /(minimum|maximum) (memory|cpu) usage per Container is (\S+?)[,.\s]/.exec(`${message} `);
  if (limit) return `Unable to start: the ${limit[1]} ${limit[2]} of one job is ${limit[3]}`;
  return 'Unable to start: the cluster refuses to make its pod';
}

/** @returns e.g. `cpu, memory`; empty where the message names nothing */
function limitedIn(message: string): string {
  const [, list = ''] = /limited: (?!.*limited: )(.*)$/s.exec(message) ?? [];
  const names = list.split(',').map((part) => (part.split('=')[0] ?? '').trim().replace(/^(requests|limits)\./, ''));
  return [...new Set(names)].sort().join(', ');
}

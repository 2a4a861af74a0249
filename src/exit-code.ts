/** What the end of a program means, in words for its owner. Pure and total. */

/** POSIX numbers that tell something; the rest is said by number. */
const signalNames = new Map([
  [1, 'SIGHUP'],
  [2, 'SIGINT'],
  [3, 'SIGQUIT'],
  [4, 'SIGILL'],
  [6, 'SIGABRT'],
  [7, 'SIGBUS'],
  [8, 'SIGFPE'],
  [11, 'SIGSEGV'],
  [13, 'SIGPIPE'],
]);
const lastSignal = 64;

/** Reasons the kubelet gives that say more than the number does (kubernetes.io, "Pod Lifecycle"). */
const reasons: Readonly<Record<string, string>> = {
  OOMKilled: 'ran out of memory (OOMKilled)',
  StartError: 'could not be started (StartError)',
  ContainerCannotRun: 'could not be started (ContainerCannotRun)',
  ContainerStatusUnknown: 'nobody saw how it ended (ContainerStatusUnknown)',
};

/**
 * Without a full stop, to be put into a sentence or a list. A shell reports a program that a signal ended as 128 and the signal, and 126
 * and 127 where it could not start it (POSIX, "Exit Status for Commands"). Nothing but the reason tells a lack of memory from any other kill.
 * @param signal set where the container's runtime knows it
 * @param reason of the terminated container, e.g. `OOMKilled`, `Error`
 * @example exitCodeWords(137, undefined, 'OOMKilled') -> 'ran out of memory (OOMKilled)'; exitCodeWords(3) -> 'your program ended with code 3'
 */
export function exitCodeWords(code: number, signal?: number, reason?: string): string {
  const known = reason !== undefined && Object.hasOwn(reasons, reason) ? reasons[reason] : undefined;
  if (known !== undefined) return known;
  if (isSignal(signal)) return signalWords(signal);
  if (!Number.isInteger(code)) return 'the exit code is not known';
  if (code === 0) return 'finished';
  if (code === 126) return 'found but not executable';
  if (code === 127) return 'command not found';
  return isSignal(code - 128) ? signalWords(code - 128) : `your program ended with code ${code}`;
}

function isSignal(number: number | undefined): number is number {
  return number !== undefined && Number.isInteger(number) && number > 0 && number <= lastSignal;
}

function signalWords(signal: number): string {
  if (signal === 9) return 'killed from outside';
  if (signal === 15) return 'asked to stop';
  const name = signalNames.get(signal);
  return `ended by signal ${signal}${name ? ` (${name})` : ''}`;
}

/** The status as one paragraph (`status_long`), in the sentences of 2021. Pure and total. */
import type { ContainerState, JobSnapshot, PodFacts } from '../../../domain.ts';
import { instantText } from './instant.ts';
import { refusalDetails, refusalInWords } from './refusal-words.ts';

/**
 * Of the newest attempt.
 * @param trouble what the cluster says when it refuses to make the job's pod, where that was asked
 */
export function longStatus(snapshot: JobSnapshot, trouble?: string): string {
  const { object, pods } = snapshot;
  if (object.job === undefined) return foreignWords(snapshot);
  const [pod] = pods;
  if (!pod) {
    const reasons = trouble === undefined ? [] : [refusalInWords(trouble), ...refusalDetails(trouble)];
    return sentences(['No pods were created for this job.', ...reasons.map((reason) => `${reason}.`)]);
  }
  const started = instantText(pod.startedAt);
  return sentences([
    started ? `Last run at ${started}.` : 'Run not attempted yet.',
    `Pod in '${pod.phase}' phase.`,
    ...(pod.container ? containerSentences(pod.container) : reasonSentences(pod.reason, pod.message)),
  ]);
}

/** Why nothing more is known of the job. */
export function foreignWords({ object }: JobSnapshot): string {
  return sentences(['This job was not made by this service.', object.foreign, 'It can only be deleted.']);
}

function containerSentences({ restarts, state }: NonNullable<PodFacts['container']>): (string | undefined)[] {
  const restarted = restarts > 0 ? `Pod has been restarted ${restarts} times.` : undefined;
  return state ? [restarted, `State '${state.kind}'.`, ...stateSentences(state)] : [restarted];
}

function stateSentences(state: ContainerState): (string | undefined)[] {
  if (state.kind === 'running') return [timeSentence('Started', state.startedAt)];
  const [reason, message] = reasonSentences(state.reason ?? 'unknown', state.message);
  if (state.kind === 'waiting') return [reason, message];
  return [
    reason,
    timeSentence('Started', state.startedAt),
    timeSentence('Finished', state.finishedAt),
    Number.isInteger(state.exitCode) ? `Exit code '${state.exitCode}'.` : undefined,
    message,
  ];
}

function timeSentence(what: string, at: number | undefined): string | undefined {
  const time = instantText(at);
  return time && `${what} at '${time}'.`;
}

function reasonSentences(reason: string | undefined, message: string | undefined): (string | undefined)[] {
  return [reason && `Reason '${reason}'.`, message && `Additional message:'${message}'.`];
}

function sentences(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part).join(' ');
}

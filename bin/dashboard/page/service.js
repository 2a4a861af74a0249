/** What the page asks of the command that serves it. */

/**
 * @typedef {{ name: string, job_type: string, status_short?: string, status?: Status, last_run?: LastRun, schedule?: string, timezone?: string, group?: string, parts?: Job[],
 *   [key: string]: unknown }} Job
 * @typedef {{ outcome: string, in_a_row: number }} LastRun
 * @typedef {{ short: string, duration?: string, messages?: string[], next_schedule?: string | null, next_schedules?: string[] }} Status
 * @typedef {{ id: string, outcome: string, message?: string, due?: string | null, created?: string | null, started?: string | null,
 *   finished?: string | null, manual?: boolean, attempts?: number, exit_code?: number | null, peak_memory?: number | null,
 *   memory_limit?: number | null, peak_cpu?: number | null }} Run
 */

/** An answer in words that is not the one hoped for. */
export class Refusal extends Error {
  /**
   * @param {string} message
   * @param {string} code e.g. `job.not_found`
   */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/**
 * @param {string} path below `/api`
 * @returns {Promise<any>} the answer
 * @throws {Refusal}
 */
export async function ask(path) {
  const response = await fetch(`/api${path}`).catch(() => {
    throw new Refusal(commandEnded, 'command.ended');
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Refusal(
    answer.error ?? 'This page is not let in any more. Run "toolforge-jobs dashboard" again.',
    answer.code ?? '',
  );
}

export const commandEnded =
  'The command behind this page has ended or cannot be reached. Run "toolforge-jobs dashboard" again for a new address.';

/** @param {string} name */
export function pathOf(name) {
  return `/jobs/${encodeURIComponent(name)}`;
}

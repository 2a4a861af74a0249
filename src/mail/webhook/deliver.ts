/**
 * One attempt to hand an event to the webhook of its tool, and what its failure means, in words for its owner. Called by the queue of the
 * webhook, and for a test by the server. Of one tool there is one attempt at a time.
 */
import { AppError } from '../../errors.ts';
import type { SealedMail } from '../../mailbox.ts';
import type { WebhookSettings } from '../../settings.ts';
import { timeLimited } from '../../time-limit.ts';
import { checkWebhookUrl, type Webhook } from '../../webhooks.ts';
import { isTlsTrouble, tlsTroubleWords } from '../tls-trouble.ts';
import { testEvent } from './event.ts';
import { type Post, UnreachableError } from './post.ts';
import { type Signed, signatureHeaders } from './signature.ts';

export interface WebhookDeliveryOptions {
  find(tool: string): Webhook | undefined;
  settings(): WebhookSettings;
  readonly post: Post;
  now(): number;
  /** How an attempt ended; `why` in words where it failed. Not of one at a URL that is no longer the webhook's. */
  onAttempt(tool: string, why: string | undefined): void;
  /** Asked before each attempt: false where another process may be sending. Unset: it always may. */
  readonly maySend?: () => boolean;
  /** For one attempt, the way to it included. Unset: 10 s. */
  readonly deadlineMs?: number;
}

export interface WebhookDelivery {
  /** @returns `isSent` false where there is nobody to send it to. @throws AppError `webhook.not_taken` */
  deliver(event: SealedMail, signal: AbortSignal): Promise<{ readonly isSent: boolean }>;
  /** Sends an event that tells of nothing. @throws AppError `webhook.not_found`, `webhook.off`, `webhook.not_taken` */
  test(tool: string): Promise<void>;
  /** Ends what is under way. */
  stop(): void;
}

export function createWebhookDelivery(options: WebhookDeliveryOptions): WebhookDelivery {
  const { find, settings, post, now, onAttempt, maySend = () => true, deadlineMs = 10_000 } = options;
  const stopped = new AbortController();
  const lastOf = new Map<string, Promise<unknown>>();

  /** One after the other: what comes later waits for the end of the former attempt, whatever it was. */
  async function inTurn<T>(tool: string, work: () => Promise<T>): Promise<T> {
    const turn = (lastOf.get(tool) ?? Promise.resolve()).then(work, work);
    lastOf.set(tool, turn);
    try {
      return await turn;
    } finally {
      if (lastOf.get(tool) === turn) lastOf.delete(tool);
    }
  }

  /** What a former receiver did says nothing of the one that there is now. */
  function noteAttempt(tool: string, { url }: Webhook, why: string | undefined): void {
    if (find(tool)?.url === url) onAttempt(tool, why);
  }

  async function send(webhook: Webhook, event: Signed, signal: AbortSignal): Promise<void> {
    const url = checkWebhookUrl(webhook.url, settings());
    const at = now();
    const secrets = [webhook.secret, ...(webhook.former && webhook.former.until > at ? [webhook.former.secret] : [])];
    const headers = signatureHeaders(event, secrets, at);
    const status = await post({ url, headers, body: event.bytes }, timeLimited(signal, deadlineMs)).catch(
      (error: unknown) => {
        throw new AppError('webhook.not_taken', troubleOf(error, url.host), { cause: error });
      },
    );
    if (status < 200 || status > 299) throw new AppError('webhook.not_taken', statusWords(status, url.host));
  }

  return {
    deliver: ({ to: tool, messageId, bytes }, signal) =>
      inTurn(tool, async () => {
        const webhook = find(tool);
        if (!webhook || !settings().isOn) return { isSent: false };
        if (!maySend()) throw new AppError('webhook.not_taken', 'another process of the service may be sending it');
        try {
          await send(webhook, { id: messageId, bytes }, signal);
        } catch (error) {
          const why = (error as Error).message;
          // One that we ourselves have ended says nothing of the webhook.
          if (!signal.aborted) noteAttempt(tool, webhook, why);
          throw new AppError('webhook.not_taken', why, { cause: error });
        }
        noteAttempt(tool, webhook, undefined);
        return { isSent: true };
      }),
    test: (tool) =>
      inTurn(tool, async () => {
        const webhook = find(tool);
        if (!webhook) throw new AppError('webhook.not_found', 'The tool has no webhook.');
        await send(webhook, testEvent(tool, now()), stopped.signal);
        noteAttempt(tool, webhook, undefined);
      }),
    stop: () => stopped.abort(),
  };
}

function statusWords(status: number, host: string): string {
  const isElsewhere = status >= 300 && status <= 399;
  return `${host} answered with ${status}${isElsewhere ? ', and redirects are not followed' : ''}`;
}

function troubleOf(error: unknown, host: string): string {
  const { code = '', name } = (error ?? {}) as { code?: string; name?: string };
  if (error instanceof UnreachableError) return `${host} cannot be reached: ${error.message}`;
  if (name === 'TimeoutError' || name === 'AbortError' || code === 'ABORT_ERR') return `${host} did not answer in time`;
  if (isTlsTrouble(code)) return tlsTroubleWords(host, code);
  return `the connection to ${host} could not be made or broke off`;
}

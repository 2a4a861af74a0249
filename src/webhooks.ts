/**
 * The webhooks of tools: where each wants to be told, what it signs with, and whether it takes what it is sent. One file for each tool,
 * `<directory>/<2 hex digits>/<tool>.json`; set over the server, looked at whenever an event comes and at each attempt to send one.
 */
import { randomBytes } from 'node:crypto';
import { type Notice, Tool, type WebhookEvents, webhookEvents } from './domain.ts';
import { AppError } from './errors.ts';
import { recordAt, textAt } from './fields.ts';
import type { Log } from './log.ts';
import type { WebhookTrouble } from './mailbox.ts';
import type { WebhookSettings } from './settings.ts';
import { createToolFiles } from './tool-files.ts';

/** Plain data: it is saved as it stands. Times are ms since the epoch. */
export interface Webhook {
  readonly url: string;
  readonly events: WebhookEvents;
  readonly setAt: number;
  /** `whsec_` and 32 random bytes in base64 (standardwebhooks.com). */
  readonly secret: string;
  /** The one before it, which signs as well until then. */
  readonly former: { readonly secret: string; readonly until: number } | undefined;
  /** Undefined while it takes what it is sent. */
  readonly trouble: WebhookTrouble | undefined;
}

export interface WebhookRequest {
  readonly url: string;
  readonly events: WebhookEvents;
  /** A new secret in the place of the one that there is. */
  readonly renew: boolean;
}

export interface Webhooks {
  find(tool: string): Webhook | undefined;
  /** @returns the webhook, and its secret where it was made now. @throws what the disk says; then it is as before */
  set(
    tool: string,
    request: WebhookRequest,
  ): Promise<{ readonly webhook: Webhook; readonly secret: string | undefined }>;
  /** @throws what the disk says; then it is as before */
  remove(tool: string): Promise<void>;
  /** A notice as the owner of the webhook asks for it, whatever the job asks of mail; undefined where there is no webhook. */
  asked(notice: Notice): Notice | undefined;
  /** How an attempt ended; `why` in words where it failed. @returns the trouble once it has lasted so long that its owner is to know */
  note(tool: string, why: string | undefined): WebhookTrouble | undefined;
  /** How many there are, and how many of them take nothing. */
  stats(): { readonly set: number; readonly failing: number };
}

export interface WebhooksOptions {
  readonly directory: string;
  now(): number;
  readonly log: Log;
  /** As store.ts has it. */
  readonly mayWrite?: () => boolean;
  /** Unset: 32 random bytes. */
  readonly newSecret?: () => string;
}

/** What stands in the file; null after it was removed. */
interface Saved {
  readonly v: 1;
  readonly tool: string;
  readonly webhook: Webhook | null;
}

const longTroubleMs = 60 * 60 * 1000;
const formerSecretMs = 24 * 60 * 60 * 1000;

export async function openWebhooks(options: WebhooksOptions): Promise<Webhooks> {
  const { directory, now, log, mayWrite, newSecret = createSecret } = options;
  const files = createToolFiles<Saved>({ directory, what: 'webhook', parse, log, mayWrite });
  const webhooks = new Map<string, Webhook>();
  for (const { tool, webhook } of await files.load()) if (webhook) webhooks.set(tool, webhook);

  async function put(tool: string, webhook: Webhook | undefined): Promise<void> {
    const before = webhooks.get(tool);
    keep(tool, webhook);
    try {
      await files.save(tool, { v: 1, tool, webhook: webhook ?? null });
    } catch (error) {
      if (webhooks.get(tool) === webhook) keep(tool, before);
      throw error;
    }
  }

  function keep(tool: string, webhook: Webhook | undefined): void {
    if (webhook) webhooks.set(tool, webhook);
    else webhooks.delete(tool);
  }

  return {
    find: (tool) => webhooks.get(tool),
    async set(tool, { url, events, renew }) {
      const before = webhooks.get(tool);
      const secret = before && !renew ? undefined : newSecret();
      const webhook: Webhook = {
        url,
        events,
        setAt: now(),
        secret: secret ?? (before as Webhook).secret,
        former: before && secret ? { secret: before.secret, until: now() + formerSecretMs } : before?.former,
        // What another receiver takes is not known yet.
        trouble: before?.url === url ? before.trouble : undefined,
      };
      await put(tool, webhook);
      // The rest of a URL may be a secret.
      log.info({ tool, host: new URL(url).host, events, isNewSecret: secret !== undefined }, 'a webhook was set');
      return { webhook, secret };
    },
    async remove(tool) {
      await put(tool, undefined);
      log.info({ tool }, 'a webhook was removed');
    },
    asked(notice) {
      const events = webhooks.get(Tool.ofNamespace(notice.key.namespace)?.name ?? '')?.events;
      return events && { ...notice, emails: events === 'all' ? 'all' : 'onfailure' };
    },
    note(tool, why) {
      const webhook = webhooks.get(tool);
      if (!webhook || (why === undefined && !webhook.trouble)) return undefined;
      const trouble = why === undefined ? undefined : { since: webhook.trouble?.since ?? now(), why };
      const hasChanged = (webhook.trouble === undefined) !== (trouble === undefined);
      const next = { ...webhook, trouble };
      webhooks.set(tool, next);
      // Should the disk refuse, it is told again by the next attempt of the next daemon.
      if (hasChanged)
        files
          .save(tool, { v: 1, tool, webhook: next })
          .catch((err: unknown) => log.warn({ tool, err }, 'the state of a webhook cannot be written'));
      return trouble && now() - trouble.since >= longTroubleMs ? trouble : undefined;
    },
    stats: () => ({ set: webhooks.size, failing: [...webhooks.values()].filter(({ trouble }) => trouble).length }),
  };
}

function createSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

const longestUrl = 2_000;

/**
 * A place that webhooks may be sent to by its name; the address behind it is looked at when it is connected to.
 * @example checkWebhookUrl('https://hooks.example.org/jobs', settings)
 * @throws AppError `request.invalid`, `webhook.off`
 */
export function checkWebhookUrl(text: string, { isOn, hosts }: WebhookSettings): URL {
  if (!isOn)
    throw new AppError('webhook.off', 'The operators of this service have switched webhooks off (setting webhooks).');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || text.length > longestUrl || /[^\x21-\x7e]/.test(text))
    throw invalidUrl(
      `'url' must be an address such as https://hooks.example.org/jobs, at most ${longestUrl} characters.`,
    );
  if (url.protocol !== 'https:')
    throw invalidUrl("'url' must begin with https://: what is sent is nobody else's to read.");
  if (url.username !== '' || url.password !== '')
    throw invalidUrl("'url' must hold no name and password; the signature says who sends.");
  if (url.hash !== '') throw invalidUrl("'url' must hold no #: what comes after it is never sent.");
  if (!isListed(url.hostname, hosts))
    throw invalidUrl(
      `'url' names ${url.hostname}, which the operators have not opened for webhooks (setting webhook_hosts).`,
    );
  return url;
}

/** @param patterns see WebhookSettings */
function isListed(host: string, patterns: readonly string[]): boolean {
  const name = host.replace(/\.$/, '');
  return patterns.some((pattern) =>
    pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : pattern === '*' || pattern === name,
  );
}

/** @example bareHost('[::1]') === '::1' */
export function bareHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

export function invalidUrl(message: string): AppError {
  return new AppError('request.invalid', message, { fields: { field: 'url', rule: 'webhook-url' } });
}

/** @throws Error for a file of another version or tool, and for a webhook that is not understood */
function parse(value: unknown, tool: string): Saved {
  const { v, webhook } = recordAt(value);
  if (v !== 1 || textAt(value, 'tool') !== tool) throw new Error('The file is of another version or tool.');
  if (webhook === null) return { v, tool, webhook };
  if (!isWebhook(webhook)) throw new Error('The webhook is not understood.');
  return { v, tool, webhook };
}

function isWebhook(value: unknown): value is Webhook {
  const { setAt, events, former, trouble } = recordAt(value);
  return (
    URL.canParse(textAt(value, 'url') ?? '') &&
    webhookEvents.some((one) => one === events) &&
    typeof setAt === 'number' &&
    textAt(value, 'secret')?.startsWith('whsec_') === true &&
    (former === undefined || textAt(former, 'secret')?.startsWith('whsec_') === true) &&
    (trouble === undefined || (typeof recordAt(trouble).since === 'number' && textAt(trouble, 'why') !== undefined))
  );
}

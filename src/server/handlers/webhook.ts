/** The webhook of a tool: set, shown, tried and removed. */
import { isIP } from 'node:net';
import type { WebhookEvents } from '../../domain.ts';
import { AppError } from '../../errors.ts';
import { bareHost, checkWebhookUrl, invalidUrl, type Webhook } from '../../webhooks.ts';
import type { Caller } from '../identify.ts';
import type { Deps } from './deps.ts';

/** A body whose shape has been checked. */
export interface WebhookBody {
  readonly url: string;
  readonly events?: WebhookEvents;
  readonly renew_secret?: boolean;
}

export interface ShownWebhook extends Pick<Webhook, 'url' | 'events' | 'setAt' | 'trouble'> {
  /** Events that it has not taken yet. */
  readonly waiting: number;
  /** When it last took one, where that is known: ms since the epoch. */
  readonly takenAt: number | undefined;
}

export function showWebhook({ tool }: Caller, { webhooks }: Deps): ShownWebhook | undefined {
  const webhook = webhooks.find(tool.name);
  if (!webhook) return undefined;
  const { open = [], folded = 0, sealed, sent = [] } = webhooks.queue(tool.name) ?? {};
  const takenAt = sent.findLast(({ isSent }) => isSent)?.sentAt;
  return { ...webhook, waiting: open.length + folded + (sealed ? 1 : 0), takenAt };
}

/** What is not asked for stays as it is. @returns the secret where it was made now. @throws AppError `request.invalid`, `webhook.off` */
export async function setWebhook(caller: Caller, body: WebhookBody, deps: Deps): Promise<string | undefined> {
  const tool = caller.tool.name;
  const before = deps.webhooks.find(tool);
  const { url, events = before?.events ?? 'failures', renew_secret: renew = false } = body;
  const { href, hostname } = checkWebhookUrl(url, deps.settings().webhooks);
  const address = bareHost(hostname);
  if (isIP(address) !== 0 && !deps.webhooks.mayReach(address))
    throw invalidUrl(`'url' names ${address}, which is no address that webhooks may be sent to.`);
  const isOther = before?.url !== href;
  const { secret } = await deps.webhooks.set(tool, { url: href, events, renew });
  if (isOther) deps.webhooks.hurry(tool);
  return secret;
}

/** @throws AppError `webhook.not_found` */
export async function removeWebhook({ tool }: Caller, { webhooks }: Deps): Promise<void> {
  requireWebhook(webhooks.find(tool.name));
  await webhooks.remove(tool.name);
}

/** What waits is tried again soon where the test was taken. @returns the host that has taken it. @throws AppError `webhook.not_found`, `webhook.off`, `webhook.not_taken` */
export async function testWebhook({ tool }: Caller, { webhooks }: Deps): Promise<string> {
  const { url } = requireWebhook(webhooks.find(tool.name));
  await webhooks.test(tool.name);
  webhooks.hurry(tool.name);
  return new URL(url).host;
}

function requireWebhook(webhook: Webhook | undefined): Webhook {
  if (!webhook) throw new AppError('webhook.not_found', "The tool has no webhook; 'webhook set URL' sets one.");
  return webhook;
}

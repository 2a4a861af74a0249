/** The rows of the canonical table that are about the webhook of a tool. */
import { canonical, noMessages } from '../dialects/canonical.ts';
import { renderWebhook } from '../dialects/webhook-2026.ts';
import type { Deps } from '../handlers/deps.ts';
import {
  removeWebhook,
  type ShownWebhook,
  setWebhook,
  showWebhook,
  testWebhook,
  type WebhookBody,
} from '../handlers/webhook.ts';
import * as schemas from '../schemas.ts';
import type { Route } from './route.ts';

export function webhookRoutes(base: string, deps: Deps): Route[] {
  const row = { dialect: canonical, params: schemas.toolParams, path: `${base}/webhook`, status: 200 };
  const informed = (text: string) => ({ messages: { ...noMessages, info: [text] } });
  return [
    {
      ...row,
      method: 'GET',
      summary: 'The webhook of the tool',
      operation: 'webhook',
      answer: schemas.webhookAnswer,
      handle({ caller }) {
        const webhook = showWebhook(caller, deps);
        const warning = deps.settings().webhooks.isOn ? [] : [switchedOff];
        return { webhook: webhook ? renderWebhook(webhook) : null, messages: { ...noMessages, warning } };
      },
    },
    {
      ...row,
      method: 'PUT',
      summary: 'Have events sent to a webhook',
      operation: 'set_webhook',
      body: schemas.newWebhook,
      answer: schemas.newWebhookAnswer,
      async handle({ caller, body }) {
        const secret = await setWebhook(caller, body as WebhookBody, deps);
        const webhook = renderWebhook(showWebhook(caller, deps) as ShownWebhook);
        return { webhook, secret: secret ?? null, messages: noMessages };
      },
    },
    {
      ...row,
      method: 'DELETE',
      summary: 'Send no more events to a webhook',
      operation: 'remove_webhook',
      answer: schemas.messagesAnswer,
      async handle({ caller }) {
        await removeWebhook(caller, deps);
        return informed('The webhook is removed, and what waited for it with it.');
      },
    },
    {
      ...row,
      method: 'POST',
      path: `${row.path}/test`,
      summary: 'Send the webhook an event that tells of nothing',
      operation: 'test_webhook',
      answer: schemas.messagesAnswer,
      async handle({ caller }) {
        return informed(`${await testWebhook(caller, deps)} has taken the test.`);
      },
    },
  ];
}

const switchedOff = 'The operators have switched webhooks off: nothing is sent.';

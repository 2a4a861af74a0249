/** `webhook`: where events of the tool's jobs are sent, beside mail. */
import { webhookEvents } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import type { Job } from '../client/client.ts';
import { type CommandLine, choiceOf, usage } from '../terminal/arguments.ts';
import { momentOf, wordOf } from '../terminal/cells.ts';
import { didYouMean, meantWord } from '../terminal/meant-word.ts';
import { gridTable } from '../terminal/table.ts';
import type { Command } from './outcome.ts';

export const webhookActions = ['set', 'show', 'test', 'remove'] as const;
type Action = (typeof webhookActions)[number];

export const useWebhook: Command = (context) => actions[actionOf(context.line)](context);

const actions: Readonly<Record<Action, Command>> = {
  async set({ client, line }) {
    const { webhook, secret } = await client.setWebhook({
      url: line.operands[1] ?? '',
      events: choiceOf(line, 'events', webhookEvents),
      renew_secret: line.options.has('renew-secret') ? true : undefined,
    });
    const kept = secret === undefined ? 'It signs with the secret that it had.' : secretText(secret);
    return { text: `${tableOf(webhook)}\n\n${kept}`, data: { webhook, secret: secret ?? null } };
  },
  async show({ client }) {
    const webhook = await client.showWebhook();
    if (!webhook) throw new AppError('webhook.not_found', "The tool has no webhook; 'webhook set URL' sets one.");
    return { text: tableOf(webhook), data: webhook };
  },
  async test({ client }) {
    await client.testWebhook();
    return { text: '', data: { state: 'taken' } };
  },
  async remove({ client }) {
    await client.removeWebhook();
    return { text: '', data: { state: 'removed' } };
  },
};

/** @throws AppError `usage.invalid` for another action, `set` without a URL, and any other with one */
function actionOf({ operands: [word = '', url] }: CommandLine): Action {
  const action = webhookActions.find((one) => one === word);
  if (!action)
    throw usage(
      `'webhook' can ${webhookActions.join(', ')}; '${word}' is none of these.${didYouMean(meantWord(word, webhookActions))}`,
    );
  if (action === 'set' && url === undefined) throw usage("'webhook set' needs a url.");
  if (action !== 'set' && url !== undefined) throw usage(`'webhook ${action}' does not know what to do with '${url}'.`);
  return action;
}

function tableOf(webhook: Job): string {
  const failing = webhook.failing_since
    ? `since ${momentOf(webhook.failing_since)} UTC: ${wordOf(webhook.failure)}`
    : '';
  return gridTable([
    ['URL', wordOf(webhook.url)],
    ['Events', wordOf(webhook.events)],
    ['Set (UTC)', momentOf(webhook.set_at)],
    ['Waiting', `${wordOf(webhook.waiting)} events`],
    ['Last taken (UTC)', webhook.taken_at ? momentOf(webhook.taken_at) : 'no event in the last 24 hours'],
    ['Fails', failing === '' ? 'no' : failing],
  ]);
}

function secretText(secret: string): string {
  return [
    'Events are signed with this secret. It is not shown again; --renew-secret makes another one.',
    '',
    `  ${secret}`,
  ].join('\n');
}

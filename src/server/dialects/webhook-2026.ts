/** The webhook of a tool as the canonical dialect shows it. Pure. */
import type { ShownWebhook } from '../handlers/webhook.ts';
import { instantText } from './status/instant.ts';

export function renderWebhook({ url, events, setAt, waiting, takenAt, trouble }: ShownWebhook) {
  return {
    url,
    events,
    set_at: instantText(setAt) ?? null,
    waiting,
    taken_at: instantText(takenAt) ?? null,
    failing_since: instantText(trouble?.since) ?? null,
    failure: trouble?.why ?? null,
  };
}

/** Webhooks for tests; each option changes one thing. */
import type { Webhook } from '../../src/webhooks.ts';

/** Unset: of failures, at hooks.example.org. */
export function makeWebhook(changes: Partial<Webhook> = {}): Webhook {
  return {
    url: 'https://hooks.example.org/jobs',
    events: 'failures',
    setAt: Date.parse('2026-03-01T00:00:00Z'),
    secret: `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
    former: undefined,
    trouble: undefined,
    ...changes,
  };
}

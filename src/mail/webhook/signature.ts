/**
 * Who sent it, and that it is whole: the headers of an event, by the convention of Standard Webhooks (standardwebhooks.com). A receiver
 * computes the same over the bytes that it got. Pure.
 */
import { createHmac } from 'node:crypto';

export interface Signed {
  readonly id: string;
  readonly bytes: string;
}

/**
 * @param secrets `whsec_…`; while a former one still counts there are two
 * @param at of this attempt, ms since the epoch: a receiver refuses what is old
 */
export function signatureHeaders({ id, bytes }: Signed, secrets: readonly string[], at: number) {
  const timestamp = String(Math.floor(at / 1000));
  const signatures = secrets.map((secret) => `v1,${sign(`${id}.${timestamp}.${bytes}`, secret)}`);
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

function sign(content: string, secret: string): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return createHmac('sha256', key).update(content).digest('base64');
}

/** Who a mail is from and whom it is for: made of two settings and the name of the tool, and of nothing that an event says. Pure. */
import { Tool } from '../domain.ts';
import { AppError } from '../errors.ts';
import type { MailSettings } from '../settings.ts';

export interface Envelope {
  readonly from: string;
  /** The one recipient. */
  readonly to: string;
}

/** Stricter than RFC 5321: nothing that has to be quoted, folded or encoded, so that an address can mean nothing but itself. */
const bareAddress =
  /^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*@[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/;
const longestAddress = 254;

/**
 * @example envelopeOf('alpha', settings) -> { from: 'noreply@toolforge.org', to: 'tools.alpha@toolforge.org' }
 * @throws AppError `internal` for what is no address: the settings and the names of tools are checked long before
 */
export function envelopeOf(tool: string, settings: Pick<MailSettings, 'from' | 'toPrefix' | 'toDomain'>): Envelope {
  const envelope = {
    from: settings.from,
    to: `${settings.toPrefix}.${Tool.of(tool).name}@${settings.toDomain}`,
  };
  for (const address of [envelope.from, envelope.to]) {
    if (address.length > longestAddress || !bareAddress.test(address))
      throw new AppError('internal', `${JSON.stringify(address)} is no address that mail can be sent with.`);
  }
  return envelope;
}

/** `toolforge.org` of `noreply@toolforge.org`. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

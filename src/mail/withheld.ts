/** Mail that waits because what it would be made or sent with is not known. */
import { AppError } from '../errors.ts';
import type { MailSettings } from '../settings.ts';

/** @throws AppError `mail.deferred` */
export function requireNotWithheld({ withheld }: Pick<MailSettings, 'withheld'>): void {
  if (withheld !== undefined)
    throw new AppError('mail.deferred', `mail is held back until the settings can be used: ${withheld}`);
}

/** Mails as they have arrived, read by a parser that has nothing to do with the one that wrote them. */
import { extract } from 'letterparser';
import type { Postfix } from './postfix.ts';

export interface ArrivedMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly id: string;
  /** Message-IDs in one line; '' for a mail that begins a thread. */
  readonly references: string;
}

/** Oldest first. */
export async function arrivedMails(postfix: Postfix): Promise<ArrivedMail[]> {
  return (await postfix.mails()).map(({ recipient, message }) => {
    const { subject = '', text = '' } = extract(message.replaceAll('\n', '\r\n'));
    const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(message)?.[1] ?? '';
    return { to: recipient, subject, text, id: header('Message-ID'), references: header('References') };
  });
}

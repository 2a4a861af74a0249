import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { createDeliver } from '../../src/mail/deliver.ts';
import { makeSealed } from '../support/notices.ts';

const forever = new AbortController().signal;

/** What nodemailer throws. */
const failing = (fields: object, message = 'Message failed') => Object.assign(new Error(message), fields);

async function attempt(failure?: unknown, isSent = true) {
  const sent: string[] = [];
  const deliver = createDeliver({
    transport: {
      async send({ messageId }) {
        if (failure !== undefined) throw failure;
        sent.push(messageId);
      },
    },
    pace: { turn: async () => {} },
    settings: () => ({ isSent, server: 'mail.example.org' }),
  });
  try {
    return { sent, ...(await deliver(makeSealed(), forever)) };
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, words: error.message };
    throw error;
  }
}

describe('an attempt to hand a mail over', () => {
  it('succeeds when the server has taken it', async () => {
    expect(await attempt()).toEqual({ sent: ['<one@toolforge.org>'], isSent: true });
  });

  it('goes nowhere while sending is switched off', async () => {
    expect(await attempt(undefined, false)).toEqual({ sent: [], isSent: false });
  });

  it.each([
    [
      failing({ code: 'EENVELOPE', responseCode: 450, response: '450 4.2.0 later' }),
      'mail.deferred',
      'said: 450 4.2.0 later',
    ],
    [failing({ code: 'EPROTOCOL', responseCode: 421, response: '421 closing' }), 'mail.deferred', 'said: 421 closing'],
    [
      failing({ code: 'EENVELOPE', responseCode: 550, response: '550 5.1.1 nobody' }),
      'mail.refused',
      'refused it: 550 5.1.1 nobody',
    ],
    [failing({ code: 'EMESSAGE', responseCode: 552, response: '552 full' }), 'mail.refused', 'refused it: 552 full'],
    [failing({ code: 'EAUTH', responseCode: 535, response: '535 no' }), 'mail.deferred', 'said: 535 no'],
    [failing({ code: 'EPROTOCOL', responseCode: 554, response: '554 no' }), 'mail.deferred', 'said: 554 no'],
    [failing({ code: 'ECONNECTION', responseCode: 554, response: '554 no' }), 'mail.deferred', 'said: 554 no'],
    [failing({ code: 'EDNS' }), 'mail.deferred', 'has no address'],
    [failing({ code: 'ECONNECTION' }), 'mail.deferred', 'could not be made or broke off'],
    [failing({ code: 'ETIMEDOUT' }), 'mail.deferred', 'did not answer in time'],
    [failing({ code: 'ETLS', responseCode: 500, response: '500 what?' }), 'mail.deferred', 'no secure connection'],
    [
      failing({ code: 'ESOCKET', originalCode: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
      'mail.deferred',
      'no secure connection to the mail server mail.example.org was to be had: its certificate is of another name',
    ],
    [failing({ code: 'ESOCKET', originalCode: 'EPROTO' }), 'mail.deferred', 'no secure connection'],
    [failing({ code: 'ESOCKET', originalCode: 'ECONNREFUSED' }), 'mail.deferred', 'could not be made or broke off'],
    [failing({ code: 'EAUTH' }), 'mail.deferred', 'did not accept our name'],
    [failing({}, 'something new'), 'mail.deferred', 'something new'],
    [null, 'mail.deferred', 'nobody knows why'],
  ])('that fails with %o is %s', async (failure, code, words) => {
    expect(await attempt(failure)).toEqual({ code, words: expect.stringContaining(words) });
  });

  it('shows what the server says without what could do something to a terminal', async () => {
    const response = `550 \u001b[31mred\u0007\r\n550 \u202eevil ${'x'.repeat(500)}`;
    const { words = '' } = (await attempt(failing({ code: 'EMESSAGE', responseCode: 550, response }))) as {
      words?: string;
    };
    expect(words).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(words.length).toBeLessThan(300);
  });
});

/** Answers that are refusals, and requests without an answer, as errors with words for the user. Tolerates the bodies of older services. */
import type { IncomingHttpHeaders } from 'node:http';
import { AppError, type ErrorCode, errorTable } from '../../src/errors.ts';

const maxRawText = 500;

/**
 * @param text body of an answer that is not 2xx
 * @returns the error the body names by its code; else one that is the user's side for 4xx and the service's for all others
 */
export function failureOf(status: number, text: string, headers: IncomingHttpHeaders = {}): AppError {
  const body = parseBody(text);
  const problems = textsOf(body).filter((one) => one.trim() !== '');
  const code = codeOf(body) ?? (status >= 400 && status <= 499 ? 'service.refused' : 'service.failed');
  const summary = problems.join('\n') || `The service answered ${status} without saying why.`;
  const retryAfter = headers['retry-after'] ?? '';
  const seconds = /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  return new AppError(code, summary, {
    fields: { status, ...fieldsOf(body), ...requestIdOf(status, body, headers) },
    ...(problems.length > 1 ? { problems } : {}),
    ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }),
  });
}

export interface Unanswered {
  readonly url: string;
  readonly method: string;
  /** Whether the request may have reached the service. */
  readonly isConnected: boolean;
  readonly cause: Error;
  readonly timeoutMs: number;
}

/** A request that got no answer. Says whether anything can have changed. */
export function unreachable({ url, method, isConnected, cause, timeoutMs }: Unanswered): AppError {
  const { host } = new URL(url);
  const outcome =
    method === 'GET' || !isConnected
      ? 'Nothing was changed; trying again is safe.'
      : "It is not known whether anything was changed: look with 'list' before you try again.";
  return new AppError('service.unreachable', `${whatHappened(host, cause, isConnected, timeoutMs)} ${outcome}`, {
    cause,
  });
}

function whatHappened(host: string, cause: Error, isConnected: boolean, timeoutMs: number): string {
  const { code } = cause as NodeJS.ErrnoException;
  const detail = code ?? cause.message;
  if (code === 'ABORT_ERR') return `The service at ${host} did not answer within ${timeoutMs / 1000} s.`;
  if (isConnected) return `The connection to the service at ${host} broke off (${detail}).`;
  // Names of OpenSSL's and Node's for a server certificate that does not hold.
  if (/CERT|SIGNATURE|ALTNAME|CRL/.test(detail)) {
    return `The server at ${host} could not prove that it is the service (${detail}); jobs.ca_file in the settings says whom to trust.`;
  }
  return `The service at ${host} could not be reached (${detail}).`;
}

/** JSON where it is some, the words of a page where it is HTML, else the text. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const words = text.replace(/<(head|script|style)\b[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ');
    return words.replace(/\s+/g, ' ').trim().slice(0, maxRawText);
  }
}

/** `{ error: [texts] }` now; `{ error: text }`, `{ message }`, `{ detail }` or a bare text from older services. */
function textsOf(body: unknown): string[] {
  if (typeof body === 'string') return [body];
  if (!isRecord(body)) return [];
  const said = [body.error, body.message, body.detail].find((one) => one !== undefined && one !== null);
  const texts = Array.isArray(said) ? said : [said];
  return texts.flatMap((one) => (one === undefined ? [] : typeof one === 'string' ? [one] : [JSON.stringify(one)]));
}

function codeOf(body: unknown): ErrorCode | undefined {
  const code = isRecord(body) ? body.code : undefined;
  return typeof code === 'string' && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : undefined;
}

/** What to tell the operators of a failure on their side. */
function requestIdOf(status: number, body: unknown, headers: IncomingHttpHeaders): Record<string, string> {
  const id = (isRecord(body) ? body.request_id : undefined) ?? (status >= 500 ? headers['x-request-id'] : undefined);
  return typeof id === 'string' ? { request_id: id } : {};
}

function fieldsOf(body: unknown): Record<string, string | number> {
  const fields = isRecord(body) ? body.fields : undefined;
  const entries = isRecord(fields) ? Object.entries(fields) : [];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string | number] => ['string', 'number'].includes(typeof entry[1])),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

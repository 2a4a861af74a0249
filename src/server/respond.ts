/** The only writer of status codes: answers and refusals, in a dialect where the caller has one, in fixed words where it has not. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Readable } from 'node:stream';
import { AppError, type ErrorCode, errorTable } from '../errors.ts';
import type { Shape } from './schemas.ts';

/** How one generation of clients expects errors and JSON. */
export interface Dialect {
  readonly name: string;
  /** Whose it is, in words that go on "as … have it". */
  readonly title: string;
  /** Whether it is the one that new clients use; the others are marked deprecated. */
  readonly isCurrent: boolean;
  /** Whether bodies may be forms. They are how a page makes a browser post without being asked (CSRF). */
  readonly takesForms: boolean;
  /** What body() returns. */
  readonly errorShape: Shape;
  status(error: AppError): number;
  /** @param requestId where the failure is ours, so that its cause can be found in the log */
  body(error: AppError, requestId?: string): unknown;
  /** The JSON text of a value; plain `JSON.stringify` where absent. */
  text?(value: unknown): string;
}

/** What is used of the framework's reply. */
export interface Reply {
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(text: string | Readable): unknown;
}

/** Of every answer; whoever answers past these functions sets it. */
export const requestIdHeader = 'x-request-id';

const json = 'application/json; charset=utf-8';
const html = 'text/html; charset=utf-8';

/** The page that clients and people know from the earlier front; the heading is the sentence they look for. */
const noCertificatePage = `<!DOCTYPE html>
<html>
<head><title>400 No required SSL certificate was sent</title></head>
<body>
<h1>400 Bad Request</h1>
<p>No required SSL certificate was sent</p>
</body>
</html>
`;

/** @param value already JSON where it is text made by textOf() */
export function textOf(dialect: Dialect, value: unknown): string {
  return dialect.text ? dialect.text(value) : JSON.stringify(value);
}

/** Answers with a value, e.g. `sendText(reply, 200, textOf(dialect, jobs))`. @returns the reply, for a handler to return */
export function sendText<R extends Reply>(reply: R, status: number, text: string, contentType: string = json): R {
  reply.code(status);
  reply.header('content-type', contentType);
  reply.send(text);
  return reply;
}

/**
 * Answers with text that goes on: ended by whoever makes it, given up when the reader leaves. Nobody on the way may keep it to himself
 * (nginx: proxy_buffering) or for later.
 */
export function sendStream<R extends Reply & { readonly raw: ServerResponse }>(
  reply: R,
  status: number,
  pieces: Readable,
  contentType: string,
): R {
  reply.code(status);
  reply.header('content-type', contentType);
  reply.header('cache-control', 'no-store');
  reply.header('x-accel-buffering', 'no');
  reply.send(pieces);
  // The first piece may be long in coming, and whoever waits for an answer gives up sooner.
  reply.raw.flushHeaders();
  return reply;
}

/** Sends a client to the same thing under another path of ours, method and body unchanged (RFC 9110 15.4.9). */
export function sendRedirect<R extends Reply>(reply: R, location: string): R {
  reply.header('location', location);
  return sendText(reply, 308, '');
}

/** Answers with an error of a routed request. */
export function sendError<R extends Reply>(reply: R, dialect: Dialect, error: AppError, requestId: string): R {
  reply.header(requestIdHeader, requestId);
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(Math.ceil(error.retryAfterSeconds)));
  return sendText(reply, dialect.status(error), textOf(dialect, bodyOf(dialect, error, requestId)));
}

/** What went wrong on our side is looked for in the log by the id of the request; where trying again does not help, the words say so. */
function bodyOf(dialect: Dialect, error: AppError, requestId: string): unknown {
  const { http, retry } = errorTable[error.code];
  if (http > 0 && http < 500) return dialect.body(error);
  if (retry !== 'no') return dialect.body(error, requestId);
  const message = `${error.message} Tell the operators the id of the request: ${requestId}.`;
  return dialect.body(new AppError(error.code, message, error.fields ? { fields: error.fields } : {}), requestId);
}

/**
 * Turns a request away before routing. Unless the caller is only too fast, the connection ends with the answer; a body still under way is
 * read and forgotten for a second, since closing at once would take the answer from a client that is still writing.
 * @returns whether the connection goes on
 */
export function refuse(response: ServerResponse, dialect: Dialect, error: AppError, requestId: string): boolean {
  const withoutCertificate = error.code === 'caller.no_certificate';
  const text = withoutCertificate ? noCertificatePage : textOf(dialect, bodyOf(dialect, error, requestId));
  const bodyComes = hasBody(response);
  const keep = error.code === 'caller.too_many' && !bodyComes;
  response.writeHead(withoutCertificate ? 400 : dialect.status(error), {
    'content-type': withoutCertificate ? html : json,
    'content-length': Buffer.byteLength(text),
    [requestIdHeader]: requestId,
    ...(error.retryAfterSeconds === undefined ? {} : { 'retry-after': String(Math.ceil(error.retryAfterSeconds)) }),
    ...(keep ? {} : { connection: 'close' }),
  });
  if (bodyComes) lingerAfter(response, text);
  else response.end(text);
  return keep;
}

function hasBody({ req }: ServerResponse): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

const lingerMs = 1000;

function lingerAfter(response: ServerResponse, text: string): void {
  const { req } = response;
  const end = () => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  req.once('end', end).once('close', end).resume();
  response.write(text);
}

/** Answers of the health listener; no tool data. */
export function sendHealth(response: ServerResponse, isWell: boolean, text: string, contentType: string = json): void {
  response
    .writeHead(isWell ? 200 : 503, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) })
    .end(text);
}

/** To who came by the operators' door: JSON, a failure with its code and its words. */
export function sendToOperator(response: ServerResponse, answer: unknown): void {
  const isFailure = answer instanceof AppError;
  const body = isFailure ? { error: answer.message, code: answer.code, id: errorTable[answer.code].id } : answer;
  const text = JSON.stringify(body);
  response
    .writeHead(isFailure ? errorTable[answer.code].http || 500 : 200, {
      'content-type': json,
      'content-length': Buffer.byteLength(text),
      connection: 'close',
    })
    .end(text);
}

export function sendHealthNotFound(response: ServerResponse): void {
  response.writeHead(404, { 'content-length': 0 }).end();
}

/**
 * What is written on a socket whose bytes never became a request: fixed words in the canonical form, since no path names another dialect.
 * @param code of Node's parser, e.g. `HPE_HEADER_OVERFLOW`
 */
export function rawRefusal(code: string | undefined): string {
  const { status, error, says } = rawRefusals.get(code ?? '') ?? unreadable;
  return rawAnswer(status, JSON.stringify({ error: [says], code: error, id: errorTable[error].id }));
}

/** The same for a failure that has words. */
export function rawError(dialect: Dialect, error: AppError): string {
  return rawAnswer(dialect.status(error), textOf(dialect, dialect.body(error)));
}

function rawAnswer(status: number, text: string): string {
  const headers = ['connection: close', `content-type: ${json}`, `content-length: ${Buffer.byteLength(text)}`];
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...headers, '', text].join('\r\n');
}

interface RawRefusal {
  readonly status: number;
  readonly error: ErrorCode;
  readonly says: string;
}

const unreadable: RawRefusal = { status: 400, error: 'request.invalid', says: 'The request is not HTTP/1.1.' };
const rawRefusals: ReadonlyMap<string, RawRefusal> = new Map([
  [
    'HPE_HEADER_OVERFLOW',
    { status: 431, error: 'request.too_large', says: 'The headers of the request are too large.' },
  ],
  [
    'HPE_CHUNK_EXTENSIONS_OVERFLOW',
    { status: 413, error: 'request.too_large', says: 'The body of the request is too large.' },
  ],
  [
    'ERR_HTTP_REQUEST_TIMEOUT',
    { status: 408, error: 'request.invalid', says: 'The request did not come to its end in time.' },
  ],
]);

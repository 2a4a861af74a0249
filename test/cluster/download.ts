/** Fetches one file over HTTP and gives it to nobody unless its checksum is the pinned one. */
import { createHash } from 'node:crypto';
import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { pipeline } from 'node:stream/promises';

export interface DownloadOptions {
  /** Name resolution, connection and first byte together; a machine without the network must know at once. */
  readonly connectTimeoutMs?: number;
  /** Silence in the middle of a body. */
  readonly stallTimeoutMs?: number;
}

const maxRedirects = 5;

/**
 * Writes the file at `url` to `target`, in one step and only when its SHA-256 is `sha256` (hex).
 * @throws Error when the server is not reached in time, answers anything but 200, falls silent, or sends other bytes
 */
export async function download(
  url: string,
  target: string,
  sha256: string,
  options: DownloadOptions = {},
): Promise<void> {
  const partial = `${target}.partial-${process.pid}`;
  try {
    const response = await open(new URL(url), options, 0);
    const hash = createHash('sha256');
    response.on('data', (chunk: Buffer) => hash.update(chunk));
    response.setTimeout(options.stallTimeoutMs ?? 20_000, () =>
      response.destroy(new Error(`${hostOf(url)} fell silent`)),
    );
    await pipeline(response, createWriteStream(partial, { mode: 0o755 }));
    const actual = hash.digest('hex');
    if (actual !== sha256)
      throw new Error(`${target}: checksum ${actual} instead of ${sha256}; the file was thrown away`);
    renameSync(partial, target);
  } finally {
    rmSync(partial, { force: true });
  }
}

/** The host alone: an address from the environment may hold a password. */
function hostOf(url: string): string {
  return new URL(url).host;
}

async function open(url: URL, options: DownloadOptions, redirects: number): Promise<IncomingMessage> {
  const response = await answerOf(url, options.connectTimeoutMs ?? 3_000);
  const location = response.headers.location;
  if (location !== undefined && (response.statusCode ?? 0) >= 300 && (response.statusCode ?? 0) < 400) {
    response.destroy();
    if (redirects >= maxRedirects) throw new Error(`${url.host}: more than ${maxRedirects} redirects`);
    return await open(new URL(location, url), options, redirects + 1);
  }
  if (response.statusCode === 200) return response;
  response.destroy();
  throw new Error(`${url.host} answered ${response.statusCode}`);
}

function answerOf(url: URL, timeoutMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const get = url.protocol === 'http:' ? httpGet : httpsGet;
    const request = get(url, (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    const timer = setTimeout(() => {
      request.destroy(new Error(`${url.host} did not answer within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    request.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

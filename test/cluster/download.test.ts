import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloadRelease } from './binaries.ts';
import { download } from './download.ts';

let directory: string;
let close: () => void = () => {};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tfj-download-'));
});
afterEach(() => {
  close();
  rmSync(directory, { recursive: true, force: true });
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const sha256 = createHash('sha256').update('kubelet').digest('hex');

describe('download', () => {
  it('follows redirects and keeps a file whose checksum is right', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/first') response.writeHead(302, { location: '/second' }).end();
      else response.end('kubelet');
    });
    await download(`${base}/first`, join(directory, 'kubelet'), sha256);
    expect(readFileSync(join(directory, 'kubelet'), 'utf8')).toBe('kubelet');
  });

  it('throws a file with another checksum away', async () => {
    const base = await serve((_, response) => response.end('something else'));
    await expect(download(base, join(directory, 'kubelet'), sha256)).rejects.toThrow('checksum');
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    [
      'an error',
      (_: unknown, response: { writeHead(code: number): { end(): void } }) => response.writeHead(404).end(),
      '404',
    ],
    ['no answer', () => {}, 'did not answer within'],
  ] as const)('gives up on %s', async (_, listener, message) => {
    const base = await serve(listener as RequestListener);
    await expect(download(base, join(directory, 'kubelet'), sha256, { connectTimeoutMs: 50 })).rejects.toThrow(message);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('gives up on a server that falls silent in the middle', async () => {
    const base = await serve((_, response) => response.write('kube'));
    const attempt = download(base, join(directory, 'kubelet'), sha256, { stallTimeoutMs: 50 });
    await expect(attempt).rejects.toThrow('fell silent');
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('downloadRelease', () => {
  it('leaves files without a pinned checksum alone and gives up at the first that is not to be had', async () => {
    const asked: string[] = [];
    const base = await serve((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(503).end();
    });
    const lines: string[] = [];
    await downloadRelease(['etcd', 'kubelet', 'kubectl'], directory, (line) => lines.push(line), base);
    expect(asked).toHaveLength(1);
    expect(lines[0]).toContain('etcd: no pinned checksum');
    expect(lines.at(-1)).toContain('building from source');
    expect(readdirSync(directory)).toEqual([]);
  });
});

#!/usr/bin/env node
/**
 * The readers' door, for a daemon that may not read homes itself: toolforge-jobs-home-readers --socket PATH. It runs beside it, in a container
 * of its own that has the right to (CAP_DAC_READ_SEARCH), and does nothing but this: for each connection one process of bin/home-reader.ts,
 * whose bytes it passes on. A connection that the daemon closes is a process that it wants killed; one whose process is gone is closed.
 */
import type { ChildProcess } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { spawnReader } from '../src/homes/home-reader-process.ts';
import { listenOnSocket } from '../src/server/door/unix-socket.ts';

/** More than a daemon has readers, and fewer than would hurt. */
const maxReaders = 32;
const exitBadSettings = 78;
const program = new URL('home-reader.js', import.meta.url).pathname;
const children = new Set<ChildProcess>();

await main();

async function main(): Promise<void> {
  try {
    const { socket } = parseArgs({ options: { socket: { type: 'string' } } }).values;
    if (!socket?.startsWith('/')) throw new Error('--socket must be an absolute path.');
    const server = createServer({ allowHalfOpen: true }, serve);
    server.maxConnections = maxReaders;
    await listenOnSocket(server, socket);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end);
  } catch (error) {
    process.stderr.write(`toolforge-jobs-home-readers: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(exitBadSettings);
  }
}

function serve(socket: Socket): void {
  const child = spawnReader(program);
  children.add(child);
  const kill = () => child.kill('SIGKILL');
  pass(socket, child.stdin);
  pass(child.stdout, socket);
  socket.on('end', kill).on('error', kill).on('close', kill);
  child.stdin.on('error', () => {});
  for (const event of ['exit', 'error'] as const) {
    child.once(event, () => {
      children.delete(child);
      socket.end();
    });
  }
}

/** A key may be among it: what was passed on is overwritten. */
function pass(from: Readable, to: Writable): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.writable) return void chunk.fill(0);
    if (!to.write(chunk, () => chunk.fill(0))) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
}

function end(): void {
  for (const child of children) child.kill('SIGKILL');
  process.exit(0);
}

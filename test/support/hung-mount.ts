/** A file system that takes every request and answers none, as a file server that is gone: whoever asks it cannot even be killed. */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

export interface HungMount {
  /** Ends it: every process that waits gets an error. */
  release(): void;
}

const initOpcode = 26;
const requestBytes = 1024 * 1024;

/** Needs root, Linux and /dev/fuse. @returns undefined where this machine cannot */
export function mountHung(directory: string): HungMount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  let fd: number;
  try {
    fd = openSync('/dev/fuse', constants.O_RDWR | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other';
  const mounted = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'hung', directory], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
  });
  if (mounted.status !== 0) {
    closeSync(fd);
    return undefined;
  }
  const request = Buffer.alloc(requestBytes);
  // A request that was not taken yet could still be interrupted, so each is taken as it comes.
  const timer = setInterval(() => take(fd, request), 2);
  return {
    release() {
      clearInterval(timer);
      spawnSync('umount', ['-f', directory]);
      spawnSync('umount', ['-l', directory]);
      closeSync(fd);
    },
  };
}

function take(fd: number, request: Buffer): void {
  try {
    readSync(fd, request);
    if (request.readUInt32LE(4) === initOpcode) writeSync(fd, initAnswer(request));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
  }
}

/** fuse_out_header and fuse_init_out of protocol 7.31 (linux/fuse.h). */
function initAnswer(request: Buffer): Buffer {
  const answer = Buffer.alloc(16 + 64);
  answer.writeUInt32LE(answer.length, 0);
  request.copy(answer, 8, 8, 16);
  answer.writeUInt32LE(7, 16);
  answer.writeUInt32LE(31, 20);
  answer.writeUInt32LE(4096, 36);
  return answer;
}

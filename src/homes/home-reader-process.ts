/**
 * One process of bin/home-reader.ts, seen from the daemon: ask it one thing at a time, kill it when it does not answer. It is a child of
 * ours, or one that bin/home-readers.ts keeps in another container, where the right to read homes is: there a
 * connection stands for the process. Closing our side of it kills the process, and it is closed from there when the process is gone.
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { LogPlace } from './home-log.ts';

export type ReaderQuestion = { readonly base: string; readonly tool: string } & (
  | { readonly op: 'credentials' | 'stat' }
  | { readonly op: 'log-tail'; readonly names: readonly string[]; readonly lines: number; readonly maxBytes: number }
  | { readonly op: 'log-read'; readonly names: readonly string[]; readonly place: LogPlace; readonly maxBytes: number }
);

/** The first line of an answer, as it came. */
export interface ReaderAnswer {
  readonly ok?: Readonly<Record<string, unknown>>;
  readonly error?: string;
  readonly at?: string;
  readonly detail?: string;
  /** What followed the line: `ok.bytes` of them. */
  readonly bytes: Buffer;
}

/** Where readers are had. */
export type ReaderPlace =
  /** The built bin/home-reader.ts. */
  | { readonly program: string }
  /** Of bin/home-readers.ts. */
  | { readonly socket: string };

export interface ReaderProcess {
  /** Resolves once the process can be asked; rejects when it ends before that. */
  readonly started: Promise<void>;
  /** Resolves when the process is really gone, which a killed one may put off until its file system answers. */
  readonly gone: Promise<void>;
  /** One question at a time. Rejects when the process ends first; never times out by itself. */
  ask(question: ReaderQuestion): Promise<ReaderAnswer>;
  /** SIGKILL; the process no longer keeps ours alive, even if the kernel cannot end it yet. */
  kill(): void;
}

interface Waiting {
  resolve(answer: ReaderAnswer): void;
  reject(error: Error): void;
}

const maxLineBytes = 8 * 1024;
/** The last lines of a log. */
const maxBodyBytes = 2 * 1024 * 1024;

/** A way to a process: what it says comes as chunks, which are overwritten. */
interface Way {
  say(line: string): void;
  onChunk(read: (chunk: Buffer) => void): void;
  kill(): void;
  readonly gone: Promise<void>;
}

export function startReaderProcess(place: ReaderPlace): ReaderProcess {
  const way = 'socket' in place ? throughSocket(place.socket) : asChild(place.program);
  let waiting: Waiting | undefined;
  let lastId = 0;

  const settle = (use: (one: Waiting) => void) => {
    const one = waiting;
    waiting = undefined;
    if (one) use(one);
  };
  const fail = (error: Error) => settle((one) => one.reject(error));
  const kill = () => {
    way.kill();
    fail(new Error('the home reader was killed'));
  };
  way.onChunk(
    createAnswerParser(
      (answer) => settle((one) => one.resolve(answer)),
      () => kill(),
    ),
  );
  void way.gone.then(() => fail(new Error('the home reader ended')));
  const started = new Promise<void>((resolve, reject) => {
    waiting = { resolve: () => resolve(), reject };
  });

  return {
    started,
    gone: way.gone,
    kill,
    ask(question) {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        lastId += 1;
        way.say(`${JSON.stringify({ id: lastId, ...question })}\n`);
      });
    },
  };
}

/** Pipes of its own and an empty environment: a killed process stuck in the kernel must hold nothing of ours. */
export function spawnReader(program: string): ChildProcessByStdio<Writable, Readable, null> {
  const node = ['--disable-proto=throw', program];
  return spawn(process.execPath, node, { stdio: ['pipe', 'pipe', 'ignore'], env: {}, cwd: '/' });
}

function asChild(program: string): Way {
  const child = spawnReader(program);
  child.stdin.on('error', () => {});
  keepQuietUntilAsked(child);
  return {
    say: (line) => void child.stdin.write(line),
    onChunk: (read) => void child.stdout.on('data', read).on('error', () => {}),
    kill() {
      child.kill('SIGKILL');
      child.stdin.destroy();
      child.stdout.destroy();
      child.unref();
    },
    gone: new Promise<void>((resolve) => child.once('exit', () => resolve()).once('error', () => resolve())),
  };
}

/** Idle readers do not keep a program from ending; a question under way does, through its caller's deadline. */
function keepQuietUntilAsked(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref?(): void } | null)?.unref?.();
}

function throughSocket(path: string): Way {
  const socket = connect({ path, allowHalfOpen: true });
  socket.unref().on('error', () => {});
  return {
    say: (line) => void socket.write(line),
    onChunk: (read) => void socket.on('data', read),
    kill: () => void socket.end(),
    gone: new Promise<void>((resolve) => {
      // What was said last has been read by then.
      socket.once('end', () => {
        socket.end();
        resolve();
      });
      socket.once('close', () => resolve());
    }),
  };
}

/** Cuts the stream into a line and the bytes it announces. What passed through is overwritten: a key may have been in it. */
function createAnswerParser(onAnswer: (answer: ReaderAnswer) => void, onNonsense: () => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const all = Buffer.concat([rest, chunk]);
    rest.fill(0);
    chunk.fill(0);
    rest = all;
    const end = rest.indexOf(0x0a);
    if (end < 0) {
      if (rest.length > maxLineBytes) onNonsense();
      return;
    }
    const line = parseLine(rest.toString('utf8', 0, end));
    const bodyBytes = Number(line?.ok?.bytes ?? 0);
    if (!line || !(bodyBytes <= maxBodyBytes)) return onNonsense();
    const last = end + 1 + bodyBytes;
    if (rest.length < last) return;
    const bytes = Buffer.from(rest.subarray(end + 1, last));
    const next = Buffer.from(rest.subarray(last));
    rest.fill(0);
    rest = next;
    onAnswer({ ...line, bytes });
  };
}

function parseLine(text: string): Omit<ReaderAnswer, 'bytes'> | undefined {
  try {
    return JSON.parse(text) as Omit<ReaderAnswer, 'bytes'>;
  } catch {
    return undefined;
  }
}

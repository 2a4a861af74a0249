/**
 * The small process that touches homes, so that the daemon never does: a home that hangs stops this process and nothing else, and it can be
 * killed (src/homes/homes.ts does). Needs nothing but Node.
 *
 * In, one JSON line each: { "id": 1, "op": "credentials" | "stat" | "log-tail" | "log-read", "base": "/data/project", "tool": "alpha" } and
 * what the operation needs (ReaderQuestion).
 * Out, one JSON line each, in order: { "id": 1, "ok": { … } } or { "id": 1, "error": "hard_link", "at": "client.key", "detail": "…" }.
 * After the line follow `ok.bytes` raw bytes, where there are some: a key never becomes a string.
 */
import { lookAtHome, readPair } from '../src/homes/home-files.ts';
import { type LogPart, readLog, tailLog } from '../src/homes/home-log.ts';
import type { ReaderQuestion } from '../src/homes/home-reader-process.ts';
import { WalkError } from '../src/homes/home-walk.ts';

type Question = ReaderQuestion & { readonly id: number };

function answer(question: Question): { line: object; bytes: Buffer[] } {
  const { id } = question;
  try {
    const { ok, bytes } = answerTo(question);
    return { line: { id, ok }, bytes };
  } catch (error) {
    return { line: { id, ...describe(error) }, bytes: [] };
  }
}

function answerTo(question: Question): { ok: object; bytes: Buffer[] } {
  const { base, tool } = question;
  switch (question.op) {
    case 'stat':
      return { ok: lookAtHome(base, tool), bytes: [] };
    case 'credentials': {
      const { cert, key, stamp } = readPair(base, tool);
      return { ok: { stamp, certBytes: cert.length, bytes: cert.length + key.length }, bytes: [cert, key] };
    }
    case 'log-tail':
      return logAnswer(tailLog(base, tool, question.names, question));
    case 'log-read':
      return logAnswer(readLog(base, tool, question.names, question.place, question.maxBytes));
  }
}

function logAnswer({ bytes, ...rest }: LogPart): { ok: object; bytes: Buffer[] } {
  return { ok: { ...rest, bytes: bytes.length }, bytes: [bytes] };
}

function describe(error: unknown): { error: string; at: string; detail: string } {
  if (error instanceof WalkError) return { error: error.code, at: error.at, detail: error.message };
  const detail = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  return { error: 'unreadable', at: 'home', detail };
}

function say(line: object, bytes: Buffer[]): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
  for (const part of bytes) process.stdout.write(part, () => part.fill(0));
}

// Ctrl-C reaches the whole group of a terminal; only the daemon decides when this process ends, by closing our stdin.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.stdin.on('end', () => process.exit(0));

let rest = '';
process.stdin.setEncoding('utf8').on('data', (text: string) => {
  const lines = (rest + text).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    const { line: header, bytes } = answer(JSON.parse(line) as Question);
    say(header, bytes);
  }
});
say({ id: 0, ok: {} }, []);

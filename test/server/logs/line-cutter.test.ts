import { describe, expect, it } from 'vitest';
import { createLineCutter } from '../../../src/server/logs/line-cutter.ts';
import { collectGarbage } from '../../support/garbage.ts';
import { until } from '../../support/sandbox.ts';

/** All lines of a text that comes in pieces of so many bytes. */
function cut(text: string, size: number, maxBytes?: number): string[] {
  const bytes = Buffer.from(text);
  const cutter = createLineCutter(maxBytes);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += size) lines.push(...cutter.push(bytes.subarray(at, at + size)));
  return [...lines, ...cutter.flush()];
}

describe('a line cutter', () => {
  it('gives the same lines wherever the pieces end, also within a character', () => {
    const text = 'one\n\nzwei äöü\n三 🚀 €\nno end';
    for (let size = 1; size <= 40; size++) expect(cut(text, size)).toEqual(text.split('\n'));
  });

  it('gives a last line without an end only when it is flushed', () => {
    const cutter = createLineCutter();
    expect(cutter.push(Buffer.from('a'))).toEqual([]);
    expect(cutter.push(Buffer.from('b\nc'))).toEqual(['ab']);
    expect(cutter.flush()).toEqual(['c']);
    expect(cutter.flush()).toEqual([]);
  });

  it('cuts a long line at a whole character and says by how much', () => {
    expect(cut(`${'x'.repeat(12)}\nnext\n`, 5, 10)).toEqual([`${'x'.repeat(10)} [… 2 bytes more]`, 'next']);
    expect(cut('äääääää\n', 3, 5)).toEqual(['ää [… 9 bytes more]']);
    expect(cut('äää', 1, 6)).toEqual(['äää']);
  });

  it('keeps no more of a line without an end than it will show', async () => {
    const cutter = createLineCutter(1_000);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 200; round++) cutter.push(Buffer.alloc(1024 * 1024, 0x61));
    // The memory of buffers is given back beside the program, soon after they were collected.
    await until(() => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024;
    }, 'what the pieces took is free');
    expect(cutter.flush()[0]).toMatch(/^a{1000} \[… \d+ bytes more\]$/);
  });

  it('does not stumble over bytes that are no text', () => {
    expect(cut('\u0000\n', 1)).toEqual(['\u0000']);
    expect(createLineCutter().push(Buffer.from([0xff, 0xfe, 0x0a]))).toEqual(['\ufffd\ufffd']);
  });
});

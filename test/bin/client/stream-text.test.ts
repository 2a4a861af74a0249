import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventsOf, linesOf } from '../../../bin/client/stream-text.ts';

async function* inPieces(text: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('lines', () => {
  it('are the same wherever the pieces end, within a letter too', async () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !/[\r\n]/.test(text));
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 50 }), async (lines, size) => {
        const text = lines.map((one) => `${one}\n`).join('');
        expect(await all(linesOf(inPieces(text, size)))).toEqual(lines);
      }),
    );
  });

  it('end with a line feed, perhaps behind a carriage return, and with nothing else', async () => {
    expect(await all(linesOf(inPieces('a\r\nb\u2028c\n\nhalf', 3)))).toEqual(['a', 'b\u2028c', '']);
  });

  it('without an end are not gathered for ever', async () => {
    await expect(all(linesOf(inPieces(Buffer.alloc(2_000_000, 'x'), 65_536)))).rejects.toMatchObject({
      code: 'service.failed',
    });
  });
});

describe('server-sent events', () => {
  it('have a name, data and the last id; comments are none', async () => {
    const text =
      ': hello\n\nid: 7\nevent: job\ndata: {"a":1}\n\ndata:x\ndata: y\n\nevent: empty\n\nid: 8\n\ndata: z\n\ndata: half';
    expect(await all(eventsOf(inPieces(text, 5)))).toEqual([
      { event: 'job', data: '{"a":1}', id: '7' },
      { event: 'message', data: 'x\ny', id: '7' },
      { event: 'message', data: 'z', id: '8' },
    ]);
  });
});

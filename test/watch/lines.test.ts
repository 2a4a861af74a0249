import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLines } from '../../src/watch/lines.ts';

async function* stream(pieces: readonly Uint8Array[]) {
  yield* pieces;
}

async function linesOf(pieces: readonly Uint8Array[], maxBytes = 100) {
  const lines: string[] = [];
  let oversized = 0;
  const options = { maxBytes, onBytes: () => {}, onOversized: () => oversized++ };
  for await (const line of splitLines(stream(pieces), options)) lines.push(line.toString());
  return { lines, oversized };
}

test('lines come out the same wherever the bytes are cut', async () => {
  const text = Buffer.from('one\n\ntwo \u2028 zwei é\n{"three":3}\ncut');
  const cuts = fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 10 });
  await fc.assert(
    fc.asyncProperty(cuts, async (places) => {
      const at = [0, ...places.sort((a, b) => a - b), text.length];
      const pieces = at.slice(1).map((end, index) => text.subarray(at[index], end));
      expect(await linesOf(pieces)).toEqual({ lines: ['one', 'two \u2028 zwei é', '{"three":3}'], oversized: 0 });
    }),
  );
});

test('a line over the cap is left out and counted, also when it comes in pieces; one at the cap is not', async () => {
  const pieces = ['aaaa', 'bbbb', '\nfive5\n', '123456\nend\n'].map((text) => Buffer.from(text));
  expect(await linesOf(pieces, 5)).toEqual({ lines: ['five5', 'end'], oversized: 2 });
});

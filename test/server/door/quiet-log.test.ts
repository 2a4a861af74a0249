import { expect, it } from 'vitest';
import { createLog } from '../../../src/log.ts';
import { createQuietLog } from '../../../src/server/door/quiet-log.ts';

it('writes ten lines of a kind in ten seconds, and later how many were left out', () => {
  const lines: { kind: string; unsaid?: number }[] = [];
  let clock = 0;
  const log = createQuietLog(
    createLog({ level: 'debug', stream: { write: (line) => void lines.push(JSON.parse(line)) } }),
    () => clock,
  );
  for (let count = 0; count < 1000; count++) log.warn('flood', { count }, 'refused');
  log.warn('other', {}, 'refused');
  expect(lines.map(({ kind }) => kind)).toEqual([...Array(10).fill('flood'), 'other']);
  clock = 10_000;
  log.warn('flood', {}, 'refused');
  expect(lines.slice(11)).toMatchObject([{ kind: 'flood', unsaid: 990 }, { kind: 'flood' }]);
});

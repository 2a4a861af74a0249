import { describe, expect, it } from 'vitest';
import { createProgress } from '../../../bin/terminal/progress.ts';

function make(isShown = true) {
  const written: string[] = [];
  const timers: { tick: () => void; isOn: boolean }[] = [];
  const progress = createProgress({
    write: (text) => void written.push(text),
    isShown,
    every(_ms, tick) {
      const timer = { tick, isOn: true };
      timers.push(timer);
      return () => {
        timer.isOn = false;
      };
    },
  });
  return { progress, written, tick: () => timers.filter(({ isOn }) => isOn).forEach((timer) => void timer.tick()) };
}

describe('a line of progress', () => {
  it('comes after a second, counts on, and is gone before anything else', () => {
    const { progress, written, tick } = make();
    progress.show('Waiting');
    expect(written).toEqual([]);
    tick();
    progress.show('Loading \x1b[2J');
    tick();
    progress.pause();
    tick();
    progress.clear();
    tick();
    expect(written).toEqual([
      '\r\x1b[KWaiting (1 s)',
      '\r\x1b[KLoading \\x1b[2J (2 s)',
      '\r\x1b[K',
      '\r\x1b[KLoading \\x1b[2J (3 s)',
      '\r\x1b[K',
    ]);
  });

  it('is never there where no line can be erased, or nothing took a second', () => {
    const hidden = make(false);
    hidden.progress.show('Waiting');
    hidden.tick();
    hidden.progress.clear();
    const quick = make();
    quick.progress.show('Waiting');
    quick.progress.clear();
    expect([...hidden.written, ...quick.written]).toEqual([]);
  });

  it('never wraps', () => {
    const { progress, written, tick } = make();
    progress.show('x'.repeat(500));
    tick();
    expect(written.join('').length).toBeLessThan(80);
  });
});

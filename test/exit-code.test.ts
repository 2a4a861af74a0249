import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exitCodeWords } from '../src/exit-code.ts';

describe('the end of a program', () => {
  it.each<[string, number, string | undefined, string]>([
    ['success', 0, 'Completed', 'finished'],
    ['a code of its own', 3, 'Error', 'your program ended with code 3'],
    ['the last code that is its own', 125, 'Error', 'your program ended with code 125'],
    ['a file without the right to run', 126, 'Error', 'found but not executable'],
    ['a command that is not there', 127, 'Error', 'command not found'],
    ['a code no shell gives', 128, 'Error', 'your program ended with code 128'],
    ['a crash', 139, 'Error', 'ended by signal 11 (SIGSEGV)'],
    ['a signal without a name', 128 + 40, 'Error', 'ended by signal 40'],
    ['a kill without a reason', 137, 'Error', 'killed from outside'],
    ['a kill for memory', 137, 'OOMKilled', 'ran out of memory (OOMKilled)'],
    ['a lack of memory that the program passed on as 1', 1, 'OOMKilled', 'ran out of memory (OOMKilled)'],
    ['a request to stop', 143, 'Error', 'asked to stop'],
    ['a code beyond all signals', 255, 'Error', 'your program ended with code 255'],
    ['an entry point that is not there', 128, 'StartError', 'could not be started (StartError)'],
    ['an end that nobody saw', 137, 'ContainerStatusUnknown', 'nobody saw how it ended (ContainerStatusUnknown)'],
    ['a reason that is a word of the language', 2, 'constructor', 'your program ended with code 2'],
    ['no reason at all', 1, undefined, 'your program ended with code 1'],
  ])('is said in words: %s', (_, code, reason, words) => {
    expect(exitCodeWords(code, undefined, reason)).toBe(words);
  });

  it('believes the signal that the runtime reports', () => {
    expect(exitCodeWords(0, 15)).toBe('asked to stop');
    expect(exitCodeWords(137, 9)).toBe('killed from outside');
  });

  it('says that a code is not known where there is none', () => {
    expect(exitCodeWords(Number.NaN)).toBe('the exit code is not known');
  });

  it('never claims a lack of memory without the reason', () => {
    const anyReason = fc.option(fc.constantFrom('Error', 'Completed', 'Unknown', ''), { nil: undefined });
    fc.assert(
      fc.property(fc.integer(), fc.option(fc.integer(), { nil: undefined }), anyReason, (code, signal, reason) => {
        expect(exitCodeWords(code, signal, reason)).not.toContain('memory');
      }),
    );
  });
});

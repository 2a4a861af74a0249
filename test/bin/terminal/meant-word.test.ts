import { describe, expect, it } from 'vitest';
import { didYouMean, didYouMeanOrHelp, meantWord } from '../../../bin/terminal/meant-word.ts';

const commands = ['run', 'list', 'show', 'delete', 'flush', 'images', 'containers'];
const verbs = ['list', 'add', 'show', 'disable', 'remove'];
const options = ['command', 'image', 'schedule', 'mem', 'emails', 'output', 'filelog-stdout'];

describe('the word that was meant', () => {
  it.each([
    ['ls', commands, 'list'],
    ['rm', commands, 'delete'],
    ['remove', commands, 'delete'],
    ['create', commands, 'run'],
    ['start', commands, 'run'],
    ['ls', verbs, 'list'],
    ['rm', verbs, 'remove'],
    ['delete', verbs, 'remove'],
    ['create', verbs, 'add'],
    ['memory', options, 'mem'],
    ['cmd', options, 'command'],
    ['image-name', options, 'image'],
    ['imagename', options, 'image'],
    ['json', options, 'output'],
  ])('by another one, %j, is one that is known', (typed, known, meant) => {
    expect(meantWord(typed, known)).toBe(meant);
  });

  it.each([
    ['im', commands, 'images'],
    ['shedule', options, 'schedule'],
    ['', commands, undefined],
    ['xyzzy', commands, undefined],
    ['constructor', options, undefined],
    ['start', options, undefined],
  ])('by %j is the one it begins or resembles, if any', (typed, known, meant) => {
    expect(meantWord(typed, known)).toBe(meant);
  });

  it('is offered; where there is none, help may be', () => {
    expect(didYouMean('list')).toBe(" Did you mean 'list'?");
    expect(didYouMeanOrHelp('list')).toBe(" Did you mean 'list'?");
    expect(didYouMean(undefined)).toBe('');
    expect(didYouMeanOrHelp(undefined)).toBe(' --help shows all there are.');
  });
});

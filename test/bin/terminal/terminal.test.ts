import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gridTable, prettyTable } from '../../../bin/terminal/table.ts';
import { createTalk } from '../../../bin/terminal/talk.ts';
import { visibleJson, visibleLine, visibleText } from '../../../bin/terminal/terminal.ts';
import { hostileTexts } from '../hostile-texts.ts';

/** What a terminal obeys, or what makes a reader see another order or text than is there. */
const drives = /(?!\n)[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u;

describe('text for a terminal', () => {
  it.each([
    ['\x1b[2J', '\\x1b[2J'],
    ['\x9b31m', '\\x9b31m'],
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['done\rfail', 'done\\rfail'],
    ['a\x00\x08\x7f', 'a\\x00\\x08\\x7f'],
    ['a\u202etxt.exe', 'a\\u202etxt.exe'],
    ['pay\u200bpal', 'pay\\u200bpal'],
    ['\u{e0041}', '\\u{e0041}'],
    ['\ud800', '\\ud800'],
    ['one\ntwo\tthree', 'one\\ntwo\\tthree'],
  ])('shows %j as %j', (text, shown) => {
    expect(visibleLine(text)).toBe(shown);
  });

  it('leaves what people write as it is', () => {
    for (const text of ['./bot.sh --all "$HOME" \\x1b', 'Grüße, 日本語, עברית, ❤️, é'])
      expect(visibleLine(text)).toBe(text);
  });

  it('keeps line ends and tabs where there may be several lines', () => {
    expect(visibleText('a\tb\nc\r\n\x1bd')).toBe('a\tb\nc\\r\n\\x1bd');
  });

  it('is never driven by 5,000 hostile sequences, in tables, messages or JSON', () => {
    const texts = hostileTexts(5_000);
    const said: string[] = [];
    const talk = createTalk({ write: (text) => void said.push(text), isColoured: false, isDebug: true });
    for (const text of texts) {
      talk.say('warning', text);
      said.push(prettyTable([text], [[text]]), gridTable([['Hints:', text]]), visibleJson({ [text]: [text] }));
    }
    expect(said.filter((text) => drives.test(text.replaceAll('\t', '')))).toEqual([]);
    expect(said).toHaveLength(20_000);
  });

  it('as JSON says the same to a program', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(visibleJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    const hostile = { a: hostileTexts(200) };
    expect(JSON.parse(visibleJson(hostile))).toEqual(hostile);
  });
});

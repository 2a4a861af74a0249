import { describe, expect, it } from 'vitest';
import { cliPage } from './cli-page.ts';
import { manPages } from './man-pages.ts';
import { roffOf } from './roff.ts';

describe('Markdown in a manual page', () => {
  it.each([
    ['## Exit codes', '.SH EXIT CODES\n'],
    ['### mail-log', '.SS mail-log\n'],
    ['Say `--debug`, see [errors.md](errors.md).', '.PP\nSay \\fB\\-\\-debug\\fR, see errors.md.\n'],
    ['- one\n- `two`', '.IP \\(bu 2\none\n.IP \\(bu 2\n\\fBtwo\\fR\n'],
    ['1. one', '.IP 1. 4\none\n'],
    ['| a | b |\n|---|---|\n| `-o` | of `a\\|b` |', '.TP 7\n\\fB\\-o\\fR\nof \\fBa|b\\fR\n'],
    ['```yaml\n- a\n\n.b\n```', '.PP\n.RS 4\n.nf\n\\- a\n\n\\&.b\n.fi\n.RE\n'],
    ['<!-- Do not edit. -->', ''],
  ])('%j is %j', (markdown, text) => {
    expect(roffOf(markdown)).toBe(text);
  });

  it('is never taken for a macro or an escape, and is copied as it was typed', () => {
    expect(roffOf(".it's ~/a\\b^`--x`")).toBe('.PP\n\\&.it\\(aqs \\(ti/a\\eb\\(ha\\fB\\-\\-x\\fR\n');
  });

  it('is refused where no manual page can hold it', () => {
    expect(() => roffOf('| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |')).toThrow('no row of two cells');
    expect(() => roffOf('> said')).toThrow('no manual page can hold');
  });
});

describe('the manual pages', () => {
  it('leave out no part of docs/cli.md', () => {
    expect(() => manPages(`${cliPage()}\n## News\n\ntext\n`)).toThrow('News');
  });
});

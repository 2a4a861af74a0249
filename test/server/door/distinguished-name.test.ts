import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import {
  commonName,
  type Name,
  organisation,
  parseNameText,
  toolOfName,
} from '../../../src/server/door/distinguished-name.ts';
import { attribute, type SubjectAttribute } from '../../support/certs.ts';
import { renderForFront } from '../certificate-cases.ts';

const cn = (value: string) => [{ type: commonName, value }];
const o = (value: string) => [{ type: organisation, value }];

/** The parser's answer, or undefined where it refuses; anything but an AppError is a failure. */
function read(text: string): Name | undefined {
  try {
    return parseNameText(text);
  } catch (error) {
    if (error instanceof AppError && error.code === 'caller.forbidden') return undefined;
    throw error;
  }
}

/** A second reader, written the other way round: cut the text at bare separators first, undo escapes afterwards. */
function readAgain(text: string): Name | undefined {
  if (text === '' || text.length > 2048 || !/^[ -~]*$/.test(text)) return undefined;
  const names: Record<string, string> = {
    CN: commonName,
    O: organisation,
    OU: '2.5.4.11',
    C: '2.5.4.6',
    L: '2.5.4.7',
    ST: '2.5.4.8',
    STREET: '2.5.4.9',
    DC: '0.9.2342.19200300.100.1.25',
    UID: '0.9.2342.19200300.100.1.1',
  };
  const token = /\\[0-9A-Fa-f]{2}|\\[ "#+,;<=>\\]|[^\\]/g;
  const tokens = text.match(token) ?? [];
  if (tokens.join('') !== text) return undefined;
  const parts: { type: string; value: string }[][] = [[]];
  let pending: string[] = [];
  for (const one of [...tokens, ',']) {
    if (one !== ',' && one !== '+') {
      pending.push(one);
      continue;
    }
    const equals = pending.indexOf('=');
    const type = pending.slice(0, Math.max(0, equals)).join('');
    const oid = /^\d+(\.\d+)+$/.test(type) ? type : names[type.toUpperCase()];
    const value = pending.slice(equals + 1);
    if (equals < 0 || oid === undefined || !Object.hasOwn(names, type.toUpperCase()) === !/^\d/.test(type))
      return undefined;
    if (value.some((char) => '";<>'.includes(char)) || value[0] === '#' || value[0] === ' ' || value.at(-1) === ' ')
      return undefined;
    const bytes = value.map((char) =>
      /^\\[0-9A-Fa-f]{2}$/.test(char) ? Number.parseInt(char.slice(1), 16) : char.charCodeAt(char.length - 1),
    );
    const decoded = Buffer.from(bytes).toString('utf8');
    if (!Buffer.from(decoded).equals(Buffer.from(bytes))) return undefined;
    parts.at(-1)?.push({ type: oid, value: decoded });
    pending = [];
    if (one === ',') parts.push([]);
  }
  return parts.slice(0, -1);
}

describe('the text form of a name', () => {
  it('is read with its escapes', () => {
    expect(parseNameText('CN=alpha,O=toolforge')).toEqual([cn('alpha'), o('toolforge')]);
    expect(parseNameText('cn=a\\,b\\+c\\0A\\C3\\A4\\ ,2.5.4.10=x')).toEqual([cn('a,b+c\nä '), o('x')]);
    expect(parseNameText('CN=a+O=b,OU=')).toEqual([[...cn('a'), ...o('b')], [{ type: '2.5.4.11', value: '' }]]);
  });

  it('is refused wherever the standard does not allow it', () => {
    const wrong = [
      '',
      ',',
      'CN',
      'CN=a,',
      'CN=a,,O=b',
      'CN=a, O=b',
      'CN= a',
      'CN=a ',
      'CN=#6162',
      'CN="a"',
      'CN=a;O=b',
      'CN=a\\',
      'CN=a\\x',
      'CN=a\\4',
      'CN=<a',
      'CN=a>',
      'CN=ä',
      'CN=a\0',
      'CN=a\nO=b',
      'XY=a',
      '=a',
      '/O=toolforge/CN=alpha',
      'CN=\\C3',
      'CN=\\ED\\A0\\80',
      '1=a',
      `CN=${'a'.repeat(2048)}`,
    ];
    expect(wrong.filter((text) => read(text) !== undefined)).toEqual([]);
  });

  const soup = fc.string({
    unit: fc.constantFrom(
      'CN',
      'O',
      'OU',
      '2.5.4.3',
      '=',
      ',',
      '+',
      '\\',
      '\\2C',
      '\\C3\\A4',
      '\\,',
      'alpha',
      'toolforge',
      ' ',
      '#',
      '"',
      ';',
      '<',
      'ä',
      '\0',
      'x',
      '4',
    ),
    maxLength: 14,
  });

  it('means the same to a second reader, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(soup, fc.string({ maxLength: 30 })), (text) => {
        expect(read(text)).toEqual(readAgain(text));
      }),
      { numRuns: 20_000 },
    );
  });

  it('comes back as it went in from every rendering', () => {
    const value = fc
      .string({ unit: 'binary', minLength: 0, maxLength: 12 })
      .filter((text) => !/[\ud800-\udfff]/.test(text) || Buffer.from(text).toString() === text);
    const one = fc.tuple(fc.constantFrom('CN', 'O', 'OU'), value).map(([type, text]) => attribute(type, text));
    fc.assert(
      fc.property(
        fc.array(fc.array(one, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
        (subject: readonly SubjectAttribute[][]) => {
          const values = (name: Name) => name.map((part) => part.map((each) => each.value));
          const given = subject.map((part) => [...part].reverse().map((each) => each.value)).reverse();
          expect(values(parseNameText(renderForFront(subject)))).toEqual(given);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('the tool of a name', () => {
  it('is there for one CN and one organisation in either order', () => {
    expect(toolOfName([cn('alpha'), o('toolforge')]).name).toBe('alpha');
    expect(toolOfName([o('toolforge'), cn('alpha')]).name).toBe('alpha');
  });

  it('is refused for anything more, less or joined, with one sentence', () => {
    const odd: Name[] = [
      [],
      [cn('alpha')],
      [o('toolforge')],
      [cn('alpha'), cn('beta')],
      [cn('alpha'), o('toolforge'), o('toolforge')],
      [cn('alpha'), cn('beta'), o('toolforge')],
      [[...cn('alpha'), ...o('toolforge')]],
      [[...cn('alpha'), ...cn('beta')], o('toolforge')],
      [cn('alpha'), o('Toolforge')],
      [cn('alpha'), o('toolforge ')],
      [cn('Alpha'), o('toolforge')],
      [cn(''), o('toolforge')],
      [[], cn('alpha'), o('toolforge')],
      [cn('alpha\n'), o('toolforge')],
    ];
    const said = odd.map((name) => {
      try {
        return toolOfName(name).name;
      } catch (error) {
        return (error as AppError).message;
      }
    });
    expect(new Set(said)).toEqual(new Set(['The client certificate is not one of a tool.']));
  });
});

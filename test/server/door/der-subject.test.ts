import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { readSubject } from '../../../src/server/door/der-subject.ts';
import { attribute, createAuthority, type StringType, type Subject, toolSubject } from '../../support/certs.ts';

const authority = createAuthority();
const read = (subject: Subject) =>
  readSubject(authority.issue({ subject }).der).map((part) => part.map(({ value }) => value));

describe('the subject of a certificate', () => {
  it('is read part by part in any of its string types', () => {
    const types: StringType[] = ['utf8', 'printable', 't61', 'bmp'];
    expect(read(types.map((as) => attribute('CN', 'alpha', as)))).toEqual(types.map(() => ['alpha']));
    expect(read([[attribute('CN', 'a'), attribute('CN', 'b')], attribute('1.2.840.113549.1.9.1', 'x')])).toEqual([
      ['a', 'b'],
      ['x'],
    ]);
  });

  it('is refused where a string could be read in two ways', () => {
    expect(() => read([attribute('CN', 'ä', 't61')])).toThrow(AppError);
    expect(() => read([attribute('CN', 'ä', 'printable')])).toThrow(AppError);
  });

  it('survives every text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        fc.constantFrom<StringType>('utf8', 'bmp'),
        (text, as) => {
          expect(read([attribute('CN', text, as)])).toEqual([[text]]);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is refused or read, never a crash, when bytes are changed or cut off', () => {
    const { der } = authority.issue({ subject: toolSubject('alpha') });
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), fc.boolean(), (at, byte, isCut) => {
        const changed = isCut ? der.subarray(0, at) : Buffer.from(der);
        if (!isCut) changed[at] = byte;
        try {
          readSubject(changed);
        } catch (error) {
          expect((error as AppError).code).toBe('caller.forbidden');
        }
      }),
      { numRuns: 5000 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareQuantities,
  cpuText2026,
  differenceText,
  isSameQuantity,
  memoryText2026,
  parseQuantity,
  requestOf,
} from '../../src/definition/quantity.ts';

describe('a quantity', () => {
  it.each(['.5', '1.', '1e9', '1E3', '1e+3', '5e-3', '+5', '007', '1.5Gi', '0.5', '250u', '10n'])(
    'takes %s, as Kubernetes does',
    (text) => {
      expect(parseQuantity(text)).toBeDefined();
    },
  );

  it.each([
    '512Mi\n',
    ' 1',
    '1 ',
    '-1',
    '1K',
    '1KI',
    '1ki',
    '1mi',
    '1e',
    'e3',
    '.',
    '1..2',
    '1e3Mi',
    '0x10',
    '1,5',
    '٣',
    '1e999',
    `${'9'.repeat(41)}`,
  ])('refuses %j', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });

  it('keeps values apart that a float cannot', () => {
    const [one, other] = [parseQuantity('9007199254740993'), parseQuantity('9007199254740992')];
    expect(one && other && compareQuantities(one, other)).toBe(1);
  });

  it('knows that 9 is less than 10', () => {
    const [one, other] = [parseQuantity('9'), parseQuantity('10')];
    expect(one && other && compareQuantities(one, other)).toBe(-1);
  });

  it('is the same amount after it was written in the form of 2026', () => {
    const number = fc.tuple(fc.nat(9999), fc.nat(999)).map(([whole, part]) => `${whole}.${part}`);
    const suffix = fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'Ti');
    fc.assert(
      fc.property(number, suffix, (digits, unit) => {
        const text = digits + unit;
        expect(isSameQuantity(memoryText2026(text), text)).toBe(true);
        expect(isSameQuantity(cpuText2026(text), text)).toBe(true);
      }),
    );
  });

  it('leaves text alone that is no quantity', () => {
    expect(memoryText2026('a lot')).toBe('a lot');
    expect(cpuText2026('a lot')).toBe('a lot');
    expect(isSameQuantity('a lot', 'a lot')).toBe(false);
  });
});

describe('the request for a limit', () => {
  it.each([
    ['0.5Gi', '0.5Gi'],
    ['1.0Gi', '536870912.0'],
    ['2.0Gi', '1073741824.0'],
    ['0.931Gi', '499826819.072'],
    ['1G', '500000000.0'],
    ['600000001', '300000000.5'],
    ['100Mi', '100Mi'],
  ])('is all of it up to 512Mi and half of it above: %s -> %s', (limit, request) => {
    expect(requestOf(limit, '512Mi')).toBe(request);
  });
});

describe('what is left', () => {
  it.each([
    ['8Gi', '7680Mi', true, '512Mi'],
    ['8Gi', '0', true, '8Gi'],
    ['1000', '1', true, '999'],
    ['2', '500m', false, '1500m'],
    ['10', '3', false, '7'],
    ['2048', '1024', false, '1024'],
  ])('of %s when %s is taken away is written as Kubernetes does (bytes: %s): %s', (whole, part, isBytes, left) => {
    const [one, other] = [parseQuantity(whole), parseQuantity(part)];
    expect(one && other && differenceText(one, other, isBytes)).toBe(left);
  });
});

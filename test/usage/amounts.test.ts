import { expect, it } from 'vitest';
import { bytesOf, millicoresOf } from '../../src/usage/amounts.ts';

it('amounts of Kubernetes are read as bytes and thousandths of a core', () => {
  expect([bytesOf('1Ki'), bytesOf('0.5Gi'), bytesOf('x')]).toEqual([1_024, 536_870_912, undefined]);
  expect([millicoresOf('0.1'), millicoresOf('500m'), millicoresOf('2'), millicoresOf('1e3n')]).toEqual([
    100,
    500,
    2_000,
    undefined,
  ]);
});

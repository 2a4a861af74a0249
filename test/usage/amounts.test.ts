import { expect, it } from 'vitest';
import { bytesOf, millicoresOf } from '../../src/usage/amounts.ts';

it('amounts of Kubernetes are read as bytes and thousandths of a core', () => {
  expect(['1Ki', '2Mi', '7', '0.5Gi', '1.5', 'x'].map(bytesOf)).toEqual([
    1_024,
    2_097_152,
    7,
    536_870_912,
    2,
    undefined,
  ]);
  expect(['12345678n', '5u', '0.1', '500m', '2', '1e3n'].map(millicoresOf)).toEqual([
    12.345678,
    0.005,
    100,
    500,
    2_000,
    undefined,
  ]);
});

/**
 * Kubernetes quantities as the numbers in which use is reckoned. What the metrics API writes, of thousands of containers at once, is read
 * without exact decimals, which take several times as long. Pure.
 */
import { parseQuantity } from '../definition/quantity.ts';

const bytesIn: Readonly<Record<string, number>> = { '': 1, Ki: 2 ** 10, Mi: 2 ** 20 };
const ofMillicore: Readonly<Record<string, number>> = { n: 1e6, u: 1e3, m: 1 };

/** @example bytesOf('512Mi') -> 536870912 */
export function bytesOf(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,12})(Ki|Mi)?$/.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * (bytesIn[unit] as number);
  const quantity = parseQuantity(text);
  return quantity && Math.ceil(Number(`${quantity.units}e-${quantity.scale}`));
}

/** Thousandths of a core. @example millicoresOf('0.5') -> 500 */
export function millicoresOf(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,15})([num])$/.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) / (ofMillicore[unit] as number);
  const quantity = parseQuantity(text);
  return quantity && Number(`${quantity.units}e${3 - quantity.scale}`);
}

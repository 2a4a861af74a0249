/** Kubernetes quantities as the numbers in which use is reckoned. Pure. */
import { parseQuantity } from '../definition/quantity.ts';

/** @example bytesOf('512Mi') -> 536870912 */
export function bytesOf(text: string): number | undefined {
  const quantity = parseQuantity(text);
  return quantity && Math.ceil(Number(`${quantity.units}e-${quantity.scale}`));
}

/** Thousandths of a core. @example millicoresOf('0.5') -> 500 */
export function millicoresOf(text: string): number | undefined {
  const quantity = parseQuantity(text);
  return quantity && Number(`${quantity.units}e${3 - quantity.scale}`);
}

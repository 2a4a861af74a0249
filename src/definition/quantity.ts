/**
 * Kubernetes quantities (kubernetes.io, "Quantity") as exact decimals: every suffix is a whole number or a power of ten, so none needs
 * a fraction that a decimal cannot hold. Texts are kept as typed; the 2026 form is used where it says exactly the same.
 */

/** The value is `units` divided by 10 to the power of `scale`; no trailing zeros, so that equal values are equal in both fields. */
export interface Quantity {
  readonly units: bigint;
  /** At least 0. */
  readonly scale: number;
}

/** Above this no machine and no float follows, and 10^scale would only cost time. */
const maxExponent = 30;
const maxTextLength = 40;

const grammar = /^(\+?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,3})|(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E))?$/;

const binaryPower = new Map([
  ['Ki', 1],
  ['Mi', 2],
  ['Gi', 3],
  ['Ti', 4],
  ['Pi', 5],
  ['Ei', 6],
]);
const decimalExponent = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);

/**
 * Digits with or without a point, then a suffix or an exponent, as Kubernetes reads them; never negative.
 * @example parseQuantity('1.5Gi') -> { units: 1610612736n, scale: 0 }; parseQuantity('1_000') -> undefined
 */
export function parseQuantity(text: string): Quantity | undefined {
  if (text.length > maxTextLength) return undefined;
  const [, number, exponentText, suffix = ''] = grammar.exec(text) ?? [];
  if (number === undefined) return undefined;
  const [whole = '', fraction = ''] = number.replace('+', '').split('.');
  const exponent = exponentText === undefined ? (decimalExponent.get(suffix) ?? 0) : Number(exponentText);
  if (Math.abs(exponent) > maxExponent) return undefined;
  return normalise(
    BigInt(whole + fraction) * 1024n ** BigInt(binaryPower.get(suffix) ?? 0),
    fraction.length - exponent,
  );
}

function normalise(units: bigint, scale: number): Quantity {
  if (units === 0n) return { units, scale: 0 };
  let [digits, places] = scale < 0 ? [units * 10n ** BigInt(-scale), 0] : [units, scale];
  while (places > 0 && digits % 10n === 0n) {
    digits /= 10n;
    places -= 1;
  }
  return { units: digits, scale: places };
}

/** Negative, zero or positive, as for sort(). */
export function compareQuantities(one: Quantity, other: Quantity): number {
  const left = one.units * 10n ** BigInt(other.scale);
  const right = other.units * 10n ** BigInt(one.scale);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** `one` and so many times `other`; fewer than none where `times` is negative. */
export function sumOf(one: Quantity, other: Quantity, times = 1): Quantity {
  const scale = Math.max(one.scale, other.scale);
  const at = ({ units, scale: own }: Quantity) => units * 10n ** BigInt(scale - own);
  return normalise(at(one) + at(other) * BigInt(times), scale);
}

/**
 * What is left of `whole` when `part` is taken away, in the form in which Kubernetes writes amounts.
 * @param isBytes memory is written in Ki, Mi, Gi, everything else in whole numbers and thousandths
 * @example differenceText(8Gi, 7680Mi, true) -> '512Mi'; differenceText(2, 500m, false) -> '1500m'
 */
export function differenceText(whole: Quantity, part: Quantity, isBytes: boolean): string {
  return quantityText(sumOf(whole, part, -1), isBytes);
}

/** @example quantityText(512 * 1024n ** 2n, true) -> '512Mi' */
export function quantityText(quantity: Quantity, isBytes: boolean): string {
  if (quantity.scale > 0) return `${(quantity.units * 1000n) / 10n ** BigInt(quantity.scale)}m`;
  const suffixes = isBytes && quantity.units !== 0n ? ['Gi', 'Mi', 'Ki'] : [];
  const suffix = suffixes.find((one) => quantity.units % 1024n ** BigInt(binaryPower.get(one) ?? 0) === 0n);
  return suffix ? `${quantity.units / 1024n ** BigInt(binaryPower.get(suffix) ?? 0)}${suffix}` : String(quantity.units);
}

/** False when either text is no quantity. */
export function isSameQuantity(one: string, other: string): boolean {
  const [left, right] = [parseQuantity(one), parseQuantity(other)];
  return left !== undefined && right !== undefined && compareQuantities(left, right) === 0;
}

/** From 10^16 on the form of 2026 has an exponent, which no quantity may have before its suffix. */
const maxThousandths = 10n ** 19n;

/**
 * Memory in Gi with at most three places, where that is exact; else the text as it came.
 * @example memoryText2026('512Mi') -> '0.5Gi'; memoryText2026('100Mi') -> '100Mi'
 */
export function memoryText2026(text: string): string {
  const quantity = parseQuantity(text);
  if (!quantity) return text;
  const thousandths = quantity.units * 1000n;
  const unit = 1024n ** 3n * 10n ** BigInt(quantity.scale);
  const isWritten = thousandths % unit === 0n && thousandths / unit < maxThousandths;
  return isWritten ? `${plainDecimal(normalise(thousandths / unit, 3))}Gi` : text;
}

/**
 * CPU as a number of cores in the shape of a float, where that is exact; else the text as it came.
 * @example cpuText2026('100m') -> '0.1'; cpuText2026('1') -> '1.0'
 */
export function cpuText2026(text: string): string {
  const quantity = parseQuantity(text);
  if (!quantity) return text;
  const shape = floatText(Number(`${quantity.units}e-${quantity.scale}`));
  return isSameQuantity(shape, text) ? shape : text;
}

/** Shortest digits that read back as the same float, with an exponent below 0.0001 and from 10^16 on, as earlier services wrote them. */
function floatText(value: number): string {
  const [mantissa = '', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const text = value.toFixed(Math.max(0, (mantissa.split('.')[1] ?? '').length - exponent));
  return text.includes('.') ? text : `${text}.0`;
}

/**
 * What is reserved for a job that may use up to `limit`: all of it up to `threshold`, half of it above.
 * @param shown the limit's text, which is then also the request's
 * @example requestOf('1.0Gi', '512Mi') -> '536870912.0'
 */
export function requestOf(shown: string, threshold: string): string {
  const [limit, most] = [parseQuantity(shown), parseQuantity(threshold)];
  if (!limit || !most || compareQuantities(limit, most) <= 0) return shown;
  return plainDecimal(normalise(limit.units * 5n, limit.scale + 1));
}

/** Digits, a point and at least one place. */
function plainDecimal({ units, scale }: Quantity): string {
  const digits = String(units).padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${digits.slice(0, point)}.${digits.slice(point) || '0'}`;
}

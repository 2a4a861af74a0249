/** Lengths of time as every generation writes them. */

const units = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3_600 },
  { name: 'm', seconds: 60 },
  { name: 's', seconds: 1 },
] as const;

/**
 * Parts that are zero are left out, seconds also from one day on. Less than a second, a negative length (clocks differ) and what is no
 * number are `0s`.
 * @example formatDuration(3660) -> '1h1m'; formatDuration(86_401) -> '1d'
 */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 1) return '0s';
  let rest = Math.floor(seconds);
  const isLong = rest >= units[0].seconds;
  let text = '';
  for (const unit of units) {
    const count = Math.floor(rest / unit.seconds);
    rest %= unit.seconds;
    if (count > 0 && !(isLong && unit.name === 's')) text += `${count}${unit.name}`;
  }
  return text;
}

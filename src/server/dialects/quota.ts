/** A tool's quota as each generation shows it. Pure. */
import { cpuText2026, memoryText2026 } from '../../definition/quantity.ts';
import type { QuotaCategory, QuotaItem } from '../handlers/quota.ts';

/** Numbers of things as numbers, amounts as the cluster writes them; `used` is absent where nothing uses it up. */
export function quota2023(categories: readonly QuotaCategory[]): object {
  return {
    categories: categories.map(({ name, items }) => ({
      name,
      items: items.map((item) => ({
        name: item.name,
        limit: value2023(item, item.limit),
        ...(item.used === undefined ? {} : { used: value2023(item, item.used) }),
      })),
    })),
  };
}

function value2023({ unit }: QuotaItem, text: string): string | number {
  return unit === 'count' && /^\d+$/.test(text) ? Number(text) : text;
}

/** Everything as text, amounts in the form of 2026; `used` is null where nothing uses it up. */
export function quota2026(categories: readonly QuotaCategory[]): object {
  return {
    categories: categories.map(({ name, items }) => ({
      name,
      items: items.map((item) => ({
        name: item.name,
        limit: value2026(item, item.limit),
        used: item.used === undefined ? null : value2026(item, item.used),
      })),
    })),
  };
}

export function value2026({ unit }: Pick<QuotaItem, 'unit'>, text: string): string {
  if (unit === 'cpu') return cpuText2026(text);
  return unit === 'memory' ? memoryText2026(text) : text;
}

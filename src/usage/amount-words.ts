/** Amounts of memory and CPU in words for people, the same in mails, answers and tables. Pure. */

const mebibyte = 2 ** 20;

/** Whole mebibytes, as memory is given out. @example memoryWords(100_000_000) -> '96 MiB' */
export function memoryWords(bytes: number): string {
  return `${mebibytes(bytes)} MiB`;
}

/** @example shareWords(100_000_000, 536_870_912) -> '96 of 512 MiB' */
export function shareWords(bytes: number, limit: number | undefined): string {
  return limit === undefined ? memoryWords(bytes) : `${mebibytes(bytes)} of ${memoryWords(limit)}`;
}

/** @example rangeWords(450_887_680, 536_870_912) -> '430-512 MiB' */
export function rangeWords(lowest: number, highest: number): string {
  const [low, high] = [mebibytes(lowest), mebibytes(highest)];
  return low === high ? `${high} MiB` : `${low}-${high} MiB`;
}

/** @param millicores thousandths of a core. @example cpuWords(350) -> '0.35 CPU' */
export function cpuWords(millicores: number): string {
  return `${cores(millicores)} CPU`;
}

/** @example cpuRangeWords(120, 350) -> '0.12-0.35 CPU' */
export function cpuRangeWords(lowest: number, highest: number): string {
  const [low, high] = [cores(lowest), cores(highest)];
  return `${low === high ? high : `${low}-${high}`} CPU`;
}

/** Never none for something. */
function mebibytes(bytes: number): number {
  return bytes > 0 ? Math.max(1, Math.round(bytes / mebibyte)) : 0;
}

function cores(millicores: number): number {
  return Math.ceil(millicores / 10) / 100;
}

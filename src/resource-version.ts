/** Which of two states of the Kubernetes API is the later one. Used by the watch and by the machines. */

const decimal = /^\d{1,40}$/;

/**
 * Whether `candidate` is later than `known`. Kubernetes documents resourceVersions of one kind as ordered decimal numbers from 1.35 on
 * (kubernetes.io, API concepts, "Resource versions"), and etcd has always counted them so. Where nothing is known yet (`''`) or the
 * known one is no number, any other version counts as later; a candidate that is no number is never later than a number.
 */
export function isNewerVersion(candidate: string, known: string): boolean {
  if (candidate === known) return false;
  if (!decimal.test(known)) return true;
  return decimal.test(candidate) && BigInt(candidate) > BigInt(known);
}

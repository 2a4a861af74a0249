/**
 * Environment variables that a job brings along: what one may be called and hold, and how it stands in a container, both ways. Values reach
 * the program byte for byte; no shell ever reads them. Pure.
 */
import type { KubeObject, Variable } from '../domain.ts';
import { listAt, textAt } from '../fields.ts';

const maxVariables = 50;
const maxNameLength = 64;
const maxValueBytes = 4_096;
const maxBytes = 16_384;

/** Set by the service, the cluster or what starts the program; another value would keep something from working. */
const taken = /^(?:HOME|HOSTNAME|NO_HOME|PATH|PORT|PWD|(?:KUBERNETES|TOOL|TOOLFORGE)_.*)$/;
const rightName = /^[A-Z][A-Z0-9_]*$/;

/** @returns what is wrong with it, after its name; undefined for a name that a variable of a job can have */
export function problemOfVariableName(name: string): string | undefined {
  if (!rightName.test(name) || name.length > maxNameLength)
    return `is not a name of A-Z, 0-9 and "_" that begins with a letter and has at most ${maxNameLength} characters. Example: "WIKI".`;
  return taken.test(name) ? 'is set by the service. Choose another name.' : undefined;
}

/** @returns what is wrong with it; undefined for what a variable can hold */
export function problemOfVariableValue(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'is neither text nor a number. Example: {"WIKI": "frwiki"}.';
  if (/[\0\p{Cs}]/u.test(value)) return 'holds a character that no variable can hold (NUL or half of a pair).';
  if (Buffer.byteLength(value) > maxValueBytes) return 'has more than 4 KiB. Put it into a file in your home.';
  return undefined;
}

/** @returns what is wrong with them together */
export function problemOfVariables(variables: readonly Variable[]): string | undefined {
  if (variables.length > maxVariables) return `at most ${maxVariables} are possible.`;
  const bytes = variables.reduce((sum, { name, value }) => sum + Buffer.byteLength(name + value), 0);
  return bytes > maxBytes ? 'have more than 16 KiB together. Put them into a file in your home.' : undefined;
}

/** As the `env` of a container. Kubernetes reads `$(NAME)` in a value as a reference, and `$$` as `$` (core/v1, EnvVar). */
export function toEnvironment(variables: readonly Variable[] = []): KubeObject[] {
  return variables.map(({ name, value }) => ({ name, value: value.split('$').join('$$') }));
}

/** Those of a container that are none of the service's; undefined where there are none. */
export function readEnvironment(container: unknown): readonly Variable[] | undefined {
  const variables = variablesAt(container, 'env').map(({ name, value }) => ({
    name,
    value: value.split('$$').join('$'),
  }));
  return variables.length > 0 ? variables : undefined;
}

/** The entries of a list that are variables of a job. */
export function variablesAt(value: unknown, ...path: string[]): Variable[] {
  return listAt(value, ...path).flatMap((one) => {
    const [name, text] = [textAt(one, 'name'), textAt(one, 'value')];
    const isOne = name !== undefined && text !== undefined && problemOfVariableName(name) === undefined;
    return isOne ? [{ name, value: text }] : [];
  });
}

/** Names of those that are in one of the two only, or have another value there. */
export function differingNames(ones: readonly Variable[] = [], others: readonly Variable[] = []): string[] {
  const [left, right] = [valuesOf(ones) ?? {}, valuesOf(others) ?? {}];
  return [...new Set([...ones, ...others].map(({ name }) => name))].filter((name) => left[name] !== right[name]);
}

/** @example variablesOf({ WIKI: 'frwiki' }) -> [{ name: 'WIKI', value: 'frwiki' }] */
export function variablesOf(values: Readonly<Record<string, string>>): Variable[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

/** @returns undefined where there are none */
export function valuesOf(variables: readonly Variable[] = []): Readonly<Record<string, string>> | undefined {
  return variables.length > 0 ? Object.fromEntries(variables.map(({ name, value }) => [name, value])) : undefined;
}

/** Whatever their order. */
export function isSameEnvironment(ones: readonly Variable[] = [], others: readonly Variable[] = []): boolean {
  return differingNames(ones, others).length === 0;
}

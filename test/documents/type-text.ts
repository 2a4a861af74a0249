/** JSON Schema as TypeScript would write it; for tables and for the typed client. Throws at what our shapes do not hold. */
import type { JsonSchema } from '../../src/server/schemas.ts';

interface Node extends JsonSchema {
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
  readonly type?: string | readonly string[];
  readonly items?: Node;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Node;
  readonly description?: string;
}

/** One field of an object. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly description: string | undefined;
}

/** E.g. `readonly Job[]`, `string | null`, `'all' | 'none'`. */
export function typeText(schema: JsonSchema): string {
  return [...new Set(alternatives(schema as Node))].join(' | ');
}

/** In the order of the shape. */
export function fieldsOf(schema: JsonSchema): Field[] {
  const { properties = {}, required = [] } = schema as Node;
  return Object.entries(properties).map(([name, field]) => ({
    name,
    type: typeText(field),
    isRequired: required.includes(name),
    description: field.description,
  }));
}

function alternatives(node: Node): string[] {
  if (node.$ref !== undefined) return [node.$ref.split('/').at(-1) ?? ''];
  if (node.const !== undefined) return [literal(node.const)];
  if (node.enum) return node.enum.map(literal);
  const either = node.anyOf ?? node.oneOf;
  if (either) return either.flatMap(alternatives);
  if (Array.isArray(node.type)) return node.type.map((type: string) => ofType(type, node));
  if (typeof node.type === 'string') return [ofType(node.type, node)];
  throw new Error(`no words for ${JSON.stringify(node)}`);
}

function ofType(type: string, node: Node): string {
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type;
    case 'integer':
    case 'number':
      return 'number';
    case 'array':
      return arrayText(typeText(node.items ?? {}));
    case 'object':
      return objectText(node);
    default:
      throw new Error(`no words for the type ${type}`);
  }
}

function arrayText(item: string): string {
  return item.includes(' | ') ? `readonly (${item})[]` : `readonly ${item}[]`;
}

function objectText(node: Node): string {
  if (!node.properties && typeof node.additionalProperties === 'object')
    return `Readonly<Record<string, ${typeText(node.additionalProperties)}>>`;
  const fields = fieldsOf(node).map(
    ({ name, type, isRequired }) => `readonly ${name}${isRequired ? '' : '?'}: ${type}`,
  );
  return fields.length === 0 ? 'Readonly<Record<string, never>>' : `{ ${fields.join('; ')} }`;
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value.replace(/['\\]/g, '\\$&')}'` : JSON.stringify(value);
}

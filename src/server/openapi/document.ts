/**
 * The OpenAPI document, made of the table of routes and of the shapes that requests are checked against. Pure: docs/openapi.json, docs/api.md
 * and the typed client are made of it without a server.
 */
import type { ErrorCode } from '../../errors.ts';
import type { Dialect } from '../respond.ts';
import type { Route } from '../routes/route.ts';
import { describeShape, type JsonSchema, type Shape } from '../schemas.ts';
import { failuresOf } from './failures.ts';

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** By path template, by method in lower case. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<
    Record<'schemas' | 'responses' | 'headers' | 'securitySchemes', Readonly<Record<string, JsonSchema>>>
  >;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly deprecated?: true;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<Record<string, Response>>;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

export interface Response {
  readonly description: string;
  readonly content?: Content;
  readonly headers?: JsonSchema;
  /** Of errors: a description beside a reference goes before the one it leads to (OpenAPI 3.1, "Reference Object"). */
  readonly $ref?: string;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;
type Named = Map<string, JsonSchema>;

const json = 'application/json';
const form = 'application/x-www-form-urlencoded';
const requestId = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };

export function openApiDocument(routes: readonly Route[], version: string): OpenApiDocument {
  const schemas: Named = new Map();
  const paths: Record<string, Record<string, Operation>> = {};
  const ids = new Set<string>();
  for (const route of routes) {
    const template = templateOf(route.path);
    const operationId = idOf(route, ids);
    paths[template] = { ...paths[template], [route.method.toLowerCase()]: operationOf(route, operationId, schemas) };
  }
  const dialects = [...new Set(routes.map(({ dialect }) => dialect))];
  const responses = dialects.map((dialect) => [errorName(dialect), errorResponse(dialect, schemas)] as const);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Toolforge Jobs',
      version,
      description:
        'Jobs of tools on a shared cluster. docs/api.md of the project is this for people, and says how to begin; where the package of the command line is installed, it is /usr/share/doc/toolforge-jobs/api.md.',
    },
    security: [{ toolCertificate: [] }],
    tags: dialects.map(({ name, title }) => ({ name, description: title })),
    paths,
    components: {
      schemas: Object.fromEntries([...schemas].sort(([one], [other]) => (one < other ? -1 : 1))),
      responses: Object.fromEntries(responses),
      headers: {
        RequestId: { description: 'Names the request in the log of the service.', schema: { type: 'string' } },
        RetryAfter: { description: 'Seconds after which trying again makes sense.', schema: { type: 'integer' } },
      },
      securitySchemes: {
        toolCertificate: {
          type: 'mutualTLS',
          description: "The tool's own client certificate, as its kubeconfig names it.",
        },
      },
    },
  };
}

/** `/v1/tool/:tool/jobs` -> `/v1/tool/{tool}/jobs` */
export function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

/** The name a route was given, where it is the first to have it; else one made of its method and path. */
function idOf({ operation, method, path }: Route, taken: Set<string>): string {
  const words = [method.toLowerCase(), ...path.split(/[^\w:]+/).filter(Boolean)];
  const made = words.map((word) => (word.startsWith(':') ? `By${capital(word.slice(1))}` : word));
  const id =
    operation !== undefined && !taken.has(operation)
      ? operation
      : made.map((word, at) => (at === 0 ? word : capital(word))).join('');
  taken.add(id);
  return id;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function operationOf(route: Route, operationId: string, named: Named): Operation {
  const { dialect, summary } = route;
  const failures = [...failuresOf(route)].map(([status, codes]) => [String(status), failureResponse(dialect, codes)]);
  return {
    operationId,
    summary,
    tags: [dialect.name],
    ...(dialect.isCurrent ? {} : { deprecated: true }),
    parameters: [...parametersOf(route.params, 'path', named), ...parametersOf(route.query, 'query', named)],
    ...bodyOf(route, named),
    responses: {
      [route.status]: {
        description: summary,
        headers: requestId,
        content: { [route.answerType ?? json]: { schema: describeShape(route.answer, 'output', named) } },
      },
      ...Object.fromEntries(failures),
    },
  };
}

function parametersOf(shape: Shape | undefined, place: Parameter['in'], named: Named): Parameter[] {
  if (!shape) return [];
  const { properties = {}, required = [] } = describeShape(shape, 'input', named) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: required.includes(name),
    ...(typeof description === 'string' ? { description } : {}),
    schema,
  }));
}

function bodyOf({ body, dialect }: Route, named: Named): Pick<Operation, 'requestBody'> {
  if (!body) return {};
  const schema = describeShape(body, 'input', named);
  const content = { [json]: { schema }, ...(dialect.takesForms ? { [form]: { schema } } : {}) };
  // What may also stand in the query need not stand in the body.
  return { requestBody: { required: !body.safeParse(undefined).success, content } };
}

/** Errors look alike within a dialect; what differs between routes is which ones there are. */
function failureResponse(dialect: Dialect, codes: readonly ErrorCode[]): Response {
  return {
    $ref: `#/components/responses/${errorName(dialect)}`,
    description: codes.map((code) => `\`${code}\``).join(', '),
  };
}

function errorName({ name }: Dialect): string {
  return `${name.split('-').map(capital).join('')}Error`;
}

function errorResponse({ errorShape, title }: Dialect, named: Named): JsonSchema {
  return {
    description: `An error as ${title} have it; without a certificate an HTML page.`,
    headers: { ...requestId, 'retry-after': { $ref: '#/components/headers/RetryAfter' } },
    content: {
      [json]: { schema: describeShape(errorShape, 'output', named) },
      'text/html': { schema: { type: 'string' } },
    },
  };
}

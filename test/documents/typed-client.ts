/** The typed client, told from the OpenAPI document: what its methods take and return, and which requests they make. */
import { errorTable } from '../../src/errors.ts';
import type { OpenApiDocument, Operation, Parameter } from '../../src/server/openapi/document.ts';
import type { JsonSchema } from '../../src/server/schemas.ts';
import { type Field, fieldsOf, typeText } from './type-text.ts';

/** What bin/client/connect.ts needs to know of an operation to make it a method. */
export interface MadeOperation {
  readonly method: string;
  /** Below the path of the tool, e.g. `/jobs/{name}`. */
  readonly path: string;
  readonly takesBody: boolean;
  /** Whether what it asks for can be narrowed by an object of query parameters. */
  readonly takesQuery: boolean;
  /** The one field of the answer that the method returns; null: the method returns nothing. */
  readonly answer: string | null;
  /** What an answer that goes on is made of; null: it is whole. */
  readonly stream: 'lines' | 'events' | null;
}

interface Method extends MadeOperation {
  readonly name: string;
  readonly operation: Operation;
  readonly answerType: string;
}

const base = '/v1/tool/{tool}';

/** Text of bin/client/operations.json. */
export function operationsText(document: OpenApiDocument): string {
  const table = methodsOf(document).map(({ name, operation: _, answerType: __, ...made }): [string, MadeOperation] => [
    name,
    made,
  ]);
  return `${JSON.stringify(Object.fromEntries(table), null, 2)}\n`;
}

/** Text of bin/client/typed.ts, which becomes dist/client.d.ts. */
export function typesText(document: OpenApiDocument): string {
  const methods = methodsOf(document);
  const everywhere = codesOf(methods[0]).filter((code) => methods.every((one) => codesOf(one).includes(code)));
  const objects = namesIn(methods, document.components.schemas).map((name) =>
    interfaceText(name, document.components.schemas[name] ?? {}),
  );
  const codes = Object.keys(errorTable).map((code) => `  | '${code}'`);
  return [
    '/** Made by `npm run -s openapi`, from the table of routes and the shapes that requests are checked against. Do not edit. */',
    ...objects,
    `/**\n * Jobs of one tool.\n * @throws AppError every method: ${everywhere.join(', ')}\n */\nexport interface Jobs {\n${methods.map((one) => methodText(one, everywhere)).join('\n')}\n${closing}}`,
    `/** Never renamed; docs/errors.md says what each means. */\nexport type ErrorCode =\n${codes.join('\n')};`,
    handWritten,
  ].join('\n\n');
}

const closing = `  /** Ends the kept connections. A program that just ends need not call it. */
  close(): void;
`;

const handWritten = `/** What every method fails with. Decide by the code, never by the words. */
export declare class AppError extends Error {
  readonly code: ErrorCode;
  /** Named values: \`status\` of the answer, \`field\` and \`value\` of a mistake, \`request_id\` of a failure on the side of the service. */
  readonly fields: Readonly<Record<string, string | number>> | undefined;
  /** All problems, where there are several. */
  readonly problems: readonly string[] | undefined;
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds: number | undefined;
  constructor(code: ErrorCode, message: string);
}

export interface ConnectOptions {
  /** A settings file, read after those of the machine and of the user. */
  readonly cfg?: string;
  /** In the place of process.env: HOME, KUBECONFIG, TOOL_TOOLFORGE_API_URL, XDG_CONFIG_HOME. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Ends every request. */
  readonly signal?: AbortSignal;
  /** Told what the service has to say to people with an answer, such as that an image is deprecated. */
  onMessages?(messages: Messages): void;
}

/**
 * As the tool whose kubeconfig the user has, at the service that the settings name, as the command line does it.
 * @throws AppError \`settings.invalid\` where a file is missing or cannot be used
 */
export declare function connect(options?: ConnectOptions): Promise<Jobs>;
`;

/** Named operations on the first path they stand at. */
function methodsOf(document: OpenApiDocument): Method[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    path.startsWith(`${base}/`)
      ? Object.entries(methods)
          .filter(([, { operationId }]) => /^[a-z]+$/.test(operationId))
          .map(([method, operation]) => methodOf(path.slice(base.length), method, operation))
      : [],
  );
}

const streams: Readonly<Record<string, MadeOperation['stream']>> = {
  'application/json': null,
  'text/plain; charset=utf8': 'lines',
  'text/event-stream': 'events',
};

function methodOf(path: string, method: string, operation: Operation): Method {
  const { mediaType, schema } = answerOf(operation);
  const stream = streams[mediaType];
  if (stream === undefined) throw new Error(`${operation.operationId} answers with ${mediaType}`);
  const answers = stream ? [] : fieldsOf(schema).filter(({ name }) => name !== 'messages');
  if (answers.length > 1) throw new Error(`${operation.operationId} answers more than one thing beside messages`);
  const [answer] = answers;
  return {
    name: operation.operationId,
    operation,
    method: method.toUpperCase(),
    path,
    takesBody: operation.requestBody !== undefined,
    takesQuery: queryOf(operation).length > 0,
    answer: answer?.name ?? null,
    stream,
    answerType: stream ? `AsyncIterable<${typeText(schema)}>` : `Promise<${answer ? fullType(answer) : 'void'}>`,
  };
}

function answerOf({ operationId, responses }: Operation): { mediaType: string; schema: JsonSchema } {
  const [answer] = Object.values(responses);
  const [content] = Object.entries(answer?.content ?? {});
  if (!content) throw new Error(`${operationId} answers with nothing`);
  const [mediaType, { schema }] = content;
  return { mediaType, schema };
}

/** The client never asks for less than the whole job. */
const neverAsked = ['include_unset', 'as_typed'];

function queryOf({ parameters }: Operation): Parameter[] {
  return parameters.filter((one) => one.in === 'query' && !neverAsked.includes(one.name));
}

/** Every parameter is text on the wire, where its handler says what is wrong with it; in a program these are what they mean. */
const queryTypes: Readonly<Record<string, string>> = { lines: 'number', follow: 'boolean' };

function queryText(operation: Operation): string[] {
  const query = queryOf(operation).map(
    ({ name, schema }) => `readonly ${name}?: ${queryTypes[name] ?? typeText(schema)}`,
  );
  return query.length > 0 ? [`query?: { ${query.join('; ')} }`] : [];
}

/** What is answered to that. */
function fullType({ type }: Field): string {
  return type.replace('(Job | JobAsSet)', 'Job').replace('Job | JobAsSet', 'Job');
}

/** In backticks, as the document names them. */
function codesOf(method: Method | undefined): string[] {
  const errors = Object.values(method?.operation.responses ?? {}).slice(1);
  return errors.flatMap(({ description }) => description.split(', '));
}

function signatureOf({ name, operation, answerType }: Method): string {
  const own = operation.parameters.filter((one) => one.in === 'path' && one.name !== 'tool');
  const body = operation.requestBody?.content['application/json']?.schema;
  const parameters = [...own.map(parameterText), ...(body ? [`body: ${typeText(body)}`] : []), ...queryText(operation)];
  return `${name}(${parameters.join(', ')}): ${answerType};`;
}

function methodText(method: Method, everywhere: readonly string[]): string {
  const codes = codesOf(method).filter((code) => !everywhere.includes(code));
  const said = [`${method.operation.summary}.`, ...(codes.length > 0 ? [`@throws AppError ${codes.join(', ')}`] : [])];
  return ['  /**', ...said.map((line) => `   * ${line}`), '   */', `  ${signatureOf(method)}`].join('\n');
}

function parameterText({ name, schema }: Parameter): string {
  return `${name}: ${typeText(schema)}`;
}

function interfaceText(name: string, schema: JsonSchema): string {
  const said = typeof schema.description === 'string' ? `/** ${schema.description} */\n` : '';
  if (!schema.properties) return `${said}export type ${name} = ${typeText(schema)};`;
  const fields = fieldsOf(schema).map(
    ({ name: field, type, isRequired, description }) =>
      `${description === undefined ? '' : `  /** ${description} */\n`}  readonly ${field}${isRequired ? '' : '?'}: ${type};`,
  );
  return `${said}export interface ${name} {\n${fields.join('\n')}\n}`;
}

/** The objects that methods take or return, and those within them; `Messages` always. */
function namesIn(methods: readonly Method[], schemas: Readonly<Record<string, JsonSchema>>): string[] {
  const found = new Set<string>();
  const look = (text: string) => {
    for (const name of Object.keys(schemas)) {
      if (found.has(name) || !new RegExp(`\\b${name}\\b`).test(text)) continue;
      found.add(name);
      const schema = schemas[name] ?? {};
      if (!schema.properties) look(typeText(schema));
      for (const { type } of fieldsOf(schema)) look(type);
    }
  };
  look(['Messages', ...methods.map(signatureOf)].join('\n'));
  return [...found].sort();
}

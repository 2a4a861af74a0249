/** docs/api.md: an introduction by hand, tables by the OpenAPI document. */
import type { OpenApiDocument, Operation } from '../../src/server/openapi/document.ts';
import type { JsonSchema } from '../../src/server/schemas.ts';
import { type Field, fieldsOf, typeText } from './type-text.ts';

const introduction = `# The API

<!-- Made by \`npm run -s openapi\`, from the table of routes and the shapes that requests are checked against. Do not edit. -->

Everything the command line does, over HTTPS, for programs: [openapi.json](openapi.json) is the same for machines and is served at \`/openapi.json\`; [wire.md](wire.md) has what older clients get and how objects in the cluster look; [errors.md](errors.md) has every error code.

## Three lines of Node

\`\`\`js
import { connect } from 'toolforge-jobs/client';
const jobs = await connect();
await jobs.run({ name: 'report', cmd: './report.sh', imagename: 'python3.11' });
\`\`\`

\`connect()\` reads the same files as the command line: the tool and its certificate from \`~/.kube/config\` or \`$KUBECONFIG\`, the address of the service from the settings of the machine and of the user. Each method is an operation of the first table below, takes and returns the objects below, and fails with an \`AppError\` that carries \`code\`. What goes on (\`events\`) is an async iterable, taken up again by itself where the connection breaks off. The module is one file and needs nothing but Node. Where the Debian package is installed, \`require('toolforge-jobs/client')\` finds it from anywhere; \`import\`, which looks in no common place, takes the path \`/usr/share/nodejs/toolforge-jobs/dist/client.js\`.

## Any other language

Show the tool's certificate, speak JSON, name the tool in the path:

\`\`\`sh
curl --fail-with-body --cert ~/.toolskube/client.crt --key ~/.toolskube/client.key --cacert /path/to/ca.crt \\
  https://ADDRESS/v1/tool/TOOL/jobs -H 'content-type: application/json' \\
  -d '{"name": "report", "cmd": "./report.sh", "imagename": "python3.11"}'
\`\`\`

- A certificate is for one tool; any other tool in the path is 403.
- Every answer holds \`messages\`: \`info\`, \`warning\` and \`error\`, each a list of sentences for people.
- An error holds \`error\` (one sentence a problem), the stable \`code\` and \`id\`, and often \`fields\` with the name of the field and the value. Decide by the code, never by the words.
- Every answer has an \`x-request-id\`. When you report a failure on our side (5xx), say it: the log has the cause under it.
- 429 and 503 come with \`Retry-After\`. Trying again is safe there. After 504 look first: it is not known whether the change was made.
- After a creation is answered the job is in the list; after a deletion is answered it has ended.
- Fields may be added to answers at any time. Unknown fields in requests are refused, so that a slip is noticed.
`;

/** @returns the whole page */
export function apiPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const tables = document.tags.map(({ name, description }) => {
    const rows = operations.filter((row) => row.operation.tags.includes(name) && !isAlias(row, document));
    const isOld = rows.some(({ operation }) => operation.deprecated);
    const heading = `### Of ${description}${isOld ? ' (deprecated)' : ''}`;
    return [heading, '', ...routeTable(rows)].join('\n');
  });
  const objects = Object.entries(document.components.schemas).map(([name, schema]) => {
    const said = typeof schema.description === 'string' ? [schema.description, ''] : [];
    const fields = schema.properties ? fieldTable(fieldsOf(schema)) : eitherList(schema);
    return [`### ${name}`, '', ...said, ...fields].join('\n');
  });
  return `${[introduction.trimEnd(), '## Routes', routesIntroduction, ...tables, '## Objects', ...objects].join('\n\n')}\n`;
}

const routesIntroduction = `A slash at the end of a path may be added or left out; every path of the clients of 2026 is there under \`/jobs\` as well. The numbers are the statuses of errors; which codes stand behind each is in openapi.json. Without a certificate the answer is an HTML page (400).`;

interface Row {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

function routeTable(rows: readonly Row[]): string[] {
  return [
    '| method and path | operation | what it does | takes | answers | errors |',
    '|---|---|---|---|---|---|',
    ...rows.map(({ path, method, operation }) => {
      const [[status = '', answer] = []] = Object.entries(operation.responses);
      const errors = Object.keys(operation.responses).slice(1).join(' ');
      const cells = [
        code(`${method} ${path}`),
        isNamed(operation) ? code(operation.operationId) : '',
        operation.summary,
        takes(operation),
        `${status} ${contentText(answer?.content)}`,
        errors,
      ];
      return `| ${cells.join(' | ')} |`;
    }),
  ];
}

/** What stands under `/jobs` as well is named once. */
function isAlias({ path, method, operation }: Row, { paths }: OpenApiDocument): boolean {
  const original = path.startsWith('/jobs/') ? paths[path.slice('/jobs'.length)] : undefined;
  return original?.[method.toLowerCase()]?.tags[0] === operation.tags[0];
}

/** Names that were made of the path say nothing. */
function isNamed({ operationId }: Operation): boolean {
  return /^[a-z]+$/.test(operationId);
}

function takes({ parameters, requestBody }: Operation): string {
  const query = parameters.filter((one) => one.in === 'query').map(({ name }) => code(`?${name}`));
  return [...query, ...(requestBody ? [contentText(requestBody.content)] : [])].join(', ');
}

function contentText(content: Operation['responses'][string]['content']): string {
  const [[type = '', { schema } = { schema: {} }] = []] = Object.entries(content ?? {});
  const text = typeText(schema);
  const short = text.length > 160 ? 'an object, see openapi.json' : code(text);
  return type === 'application/json' ? short : `${code(type)} of ${short}`;
}

/** What it can be, one a line. */
function eitherList(schema: JsonSchema): string[] {
  const either = (schema.oneOf ?? schema.anyOf ?? [schema]) as JsonSchema[];
  return either.map((one) => `- \`${typeText(one).replaceAll('readonly ', '')}\``);
}

function fieldTable(fields: readonly Field[]): string[] {
  return [
    '| field | type | needed | what it is |',
    '|---|---|---|---|',
    ...fields.map(
      ({ name, type, isRequired, description = '' }) =>
        `| ${code(name)} | ${code(type)} | ${isRequired ? 'yes' : 'no'} | ${description} |`,
    ),
  ];
}

/** A bar would end the cell, even within code (GFM, "Tables"). */
function code(text: string): string {
  return `\`${text.replaceAll('readonly ', '').replaceAll('|', '\\|')}\``;
}

/** What each command prints with `--output json`, as JSON Schema. Objects of the service are those of the OpenAPI document. */
import { knownKeys, listKeys, mappingKeys, matrixKeys, switchKeys } from '../../bin/job-file/keys.ts';
import type { OpenApiDocument } from '../../src/server/openapi/document.ts';
import type { JsonSchema } from '../../src/server/schemas.ts';

const text: JsonSchema = { type: 'string' };
const count: JsonSchema = { type: 'integer', minimum: 0 };
const of = (name: string): JsonSchema => ({ $ref: `#/$defs/${name}` });
const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const object = (properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((key) => !optional.includes(key)),
});
const done = (state: string) => object({ name: text, state: { const: state } });

/** A value or a switch of a file, as `dump` writes it. */
function fileKey(key: string): JsonSchema {
  if (switchKeys.some((one) => one === key)) return { const: true };
  if (key === 'schedule') return { anyOf: [text, list(text)] };
  if (listKeys.includes(key)) return list(text);
  if (matrixKeys.includes(key)) return { type: 'object', additionalProperties: list(text) };
  if (mappingKeys.includes(key)) return { type: 'object', additionalProperties: text };
  if (['retry', 'timeout', 'suspend-after', 'starting-deadline', 'replicas'].includes(key)) return { type: 'integer' };
  return key === 'port' ? { anyOf: [{ type: 'integer' }, text] } : text;
}

const written = knownKeys.filter((key) => key !== 'wait');

const applied = object({
  changed: count,
  unchanged: count,
  failed: count,
  jobs: list(
    object(
      {
        name: text,
        action: { enum: ['create', 'update', 'unchanged', 'delete'] },
        state: { enum: ['done', 'unchanged', 'failed', 'not sent', 'partly', 'unknown'] },
        error: object({ code: text, id: text, messages: list(text) }),
      },
      ['error'],
    ),
  ),
});

/** By the name of the command. */
export const commandOutputs: Readonly<Record<string, JsonSchema>> = {
  run: { anyOf: [of('Job'), of('Plan')] },
  list: list(of('Job')),
  show: of('ShownJob'),
  /** One a line. */
  logs: of('LogLine'),
  restart: done('restarted'),
  'run-now': of('Job'),
  suspend: done('suspended'),
  resume: done('resumed'),
  fence: object({ run: text, fence: count }),
  delete: done('deleted'),
  flush: object({ state: { const: 'flushed' } }),
  images: list(of('Image')),
  load: object({
    loaded: count,
    failed: count,
    jobs: list(
      object(
        {
          number: count,
          name: text,
          state: { enum: ['changed', 'unchanged', 'failed', 'not sent'] },
          error: object({ code: text, id: text, messages: list(text) }),
        },
        ['error'],
      ),
    ),
  }),
  plan: of('Plan'),
  apply: applied,
  undo: { anyOf: [list(of('FormerJob')), applied] },
  dump: list(
    object(
      Object.fromEntries(written.map((key) => [key, fileKey(key)])),
      written.filter((key) => !['name', 'command', 'image'].includes(key)),
    ),
  ),
  history: list(of('ListedRun')),
  advise: { anyOf: [of('JobAdvice'), of('ToolAdvice')] },
  set: object({ name: text, changed: { type: 'boolean' } }),
  'mail-log': list(of('MailedEvent')),
  /** One a line. */
  watch: {
    anyOf: [
      object({ event: { const: 'jobs.listed' }, data: object({ jobs: list(of('Job')), warnings: list(text) }) }),
      of('JobEvent'),
      object({ event: { const: 'service.away' }, data: object({ message: text }) }),
      object({ event: { const: 'service.back' }, data: object({}) }),
    ],
  },
  dashboard: object({ url: text }),
  webhook: {
    anyOf: [
      of('Webhook'),
      object({ webhook: of('Webhook'), secret: { anyOf: [text, { type: 'null' }] } }),
      object({ state: { enum: ['taken', 'removed'] } }),
    ],
  },
  quota: of('Quota'),
  completion: object({ shell: { enum: ['bash', 'zsh', 'fish'] }, script: text }),
};

/** docs/cli-output.json: a definition for each command, and for each object that one of them names. */
export function outputSchemas({ components }: OpenApiDocument): JsonSchema {
  const all = JSON.parse(
    JSON.stringify({ ...components.schemas, ...commandOutputs }).replaceAll('#/components/schemas/', '#/$defs/'),
  ) as Record<string, JsonSchema>;
  const needed = new Set(Object.keys(commandOutputs));
  for (const name of needed) {
    for (const [, found] of JSON.stringify(all[name]).matchAll(/#\/\$defs\/(\w+)/g)) needed.add(found as string);
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'What the commands of toolforge-jobs print with --output json, by command',
    $defs: Object.fromEntries([...needed].map((name) => [name, all[name] as JsonSchema])),
  };
}

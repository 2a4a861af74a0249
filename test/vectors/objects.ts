/** The sections of a vector file that are about whole jobs: from what was asked to the object, and from an old object to what is shown. */
import { splitWords } from '../../src/definition/shell-words.ts';
import { parseDefinition, resolveJob } from '../../src/definition/definition.ts';
import { annotationNames, fromKubeObject, runIdName, toKubeObject, toService } from '../../src/definition/manifests.ts';
import { requestOf } from '../../src/definition/quantity.ts';
import { quotePath } from '../../src/definition/shell-words.ts';
import { type Image, jobTypes, type KubeObject, Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import type { ImageList } from '../../src/images.ts';
import { renderJob2022 } from '../../src/server/dialects/job-2022.ts';
import { makeSnapshot } from '../support/facts.ts';
import { type Difference, differencesFor } from './differences.ts';
import type { Row } from './texts.ts';
import { attempt, compare, type Verdict, withoutNulls } from './verdict.ts';

/** What a file says its objects assume. */
export interface Fixture {
  readonly tool: Tool;
  readonly homePath: string;
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly defaultCpuLimit: string;
  readonly defaults: { readonly memory: string; readonly cpu: string };
  readonly images: readonly Image[];
}

export function readFixture(raw: Row): Fixture {
  return {
    tool: Tool.of(String(raw.tool)),
    homePath: String(raw.home),
    owner: { uid: Number(raw.uid), gid: Number(raw.gid) },
    defaultCpuLimit: String(raw.default_cpu_limit),
    defaults: raw.defaults_2026 as Fixture['defaults'],
    images: (raw.images as Row[]).map((image) => ({
      name: String(image.short_name),
      url: String(image.image),
      aliases: (image.aliases ?? []) as string[],
      state: image.state as Image['state'],
      type: image.type as Image['type'],
    })),
  };
}

export function check2026(row: Row, fixture: Fixture): Verdict {
  const asked = row.in as Row;
  const rules = differencesFor('objects', { asked });
  const keys = [...new Set(rules.map(({ key }) => key))];
  const made = attempt(() => make(asked, fixture));
  if (made instanceof AppError) {
    const isMeant = !('k8s' in row) || rules.some(({ instead }) => instead === 'refused');
    return isMeant ? compare(true, true, keys) : { is: 'failed', why: `refused: ${made.message}` };
  }
  const wanted = { object: withoutNulls(row.k8s), service: withoutNulls(row.service ?? null) };
  return compare(made, rules.reduce((value, rule) => insteadOf(value, rule, asked, fixture), wanted as unknown), keys);
}

function make(asked: Row, { tool, homePath, owner, defaultCpuLimit, defaults, images }: Fixture): unknown {
  const definition = parseDefinition(asked);
  const image = images.find(({ name, aliases }) => name === definition.image || aliases.includes(definition.image));
  if (!image) throw new AppError('image.unknown', `No such image '${definition.image}'`);
  const job = resolveJob(definition, { tool, image, homePath, defaults });
  const context = { tool, homePath, owner, mountHomes: undefined, defaultCpuLimit, imagePullPolicy: undefined };
  return {
    object: withoutOurs(toKubeObject(job, definition, context)),
    service: withoutNulls(toService(job, tool) ?? null),
  };
}

/** What only this service adds: the annotation that says what was asked, and the variable that holds the run's id. */
function withoutOurs(object: KubeObject): unknown {
  const text = JSON.stringify(object, (key, value) => {
    if (key === annotationNames.definition) return undefined;
    if (key === 'env') return (value as Row[]).filter(({ name }) => name !== runIdName);
    return value;
  });
  const clean = JSON.parse(text) as { metadata: { annotations?: object } };
  const { annotations, ...metadata } = clean.metadata;
  const isEmpty = annotations === undefined || Object.keys(annotations).length === 0;
  return withoutNulls({ ...clean, metadata: isEmpty ? metadata : { ...metadata, annotations } });
}

/** The object that is wanted where a rule holds: the row's, with exactly what the rule says changed in it. */
function insteadOf(wanted: unknown, { instead }: Difference, asked: Row, { homePath }: Fixture): unknown {
  const memory = String(asked.memory);
  const swap = (change: (key: string, value: unknown) => unknown) => JSON.parse(JSON.stringify(wanted, change));
  switch (instead) {
    case 'memory as typed':
      return swap((key, value) => {
        if (key === 'limits') return { ...(value as object), memory };
        return key === 'requests' ? { ...(value as object), memory: requestOf(memory, '512Mi') } : value;
      });
    case 'sunday is 0':
      return swap((key, value) => (key === 'schedule' ? String(value).replace(/7(?=$|,|\/)/g, '0') : value));
    case 'paths have no effect':
      return swap((key, value) => (key === 'command' ? plainCommand(asked) : value));
    case 'paths are quoted':
      return swap((key, value) => (key === 'command' ? loggedCommand(value as string[], asked, homePath) : value));
    default:
      return wanted;
  }
}

function plainCommand({ cmd, imagename }: Row): string[] {
  const words = splitWords(String(cmd)) ?? [];
  return String(imagename).includes('/') ? ['launcher', ...words] : ['/bin/sh', '-c', '--', String(cmd)];
}

function loggedCommand(command: readonly string[], asked: Row, home: string): string[] {
  const [out, err] = [asked.filelog_stdout, asked.filelog_stderr].map((path, place) => {
    const text = String(path ?? `${asked.name}.${place === 0 ? 'out' : 'err'}`);
    return quotePath(text.startsWith('/') ? text : `${home}/${text}`);
  });
  const rest = String(command.at(-1)).replace(/^exec 1>>.*?;exec 2>>.*?;/s, '');
  return [...command.slice(0, -1), `exec 1>>${out};exec 2>>${err};${rest}`];
}

/** Fields that say how a job is and not what it is. */
const statusFields: ReadonlySet<string> = new Set(['status_short', 'status_long']);

export function check2023(row: Row, { tool, homePath, images }: Fixture): Verdict {
  const roundTrip = row.api_object_after_roundtrip as Row;
  const wasRead = !('err' in roundTrip);
  const asShown = (wasRead ? roundTrip : row.api_object) as Row;
  const rules = differencesFor('objects-2023', { asked: { ...asShown, ...(wasRead ? {} : roundTrip) } });
  const read = fromKubeObject(row.k8s as KubeObject, { images: listOf(images), homesMount: parentOf(homePath) });
  if ('foreign' in read) return { is: 'failed', why: read.foreign };
  const { kind } = jobTypes[read.job.type];
  const { user, namespace, ...shown } = renderJob2022(makeSnapshot({ kind, job: read.job }), { tool, now: 0 });
  const name = String((row.k8s as { metadata: Row }).metadata.name);
  const got = comparable({ ...shown, name }, wasRead);
  const wanted = comparable({ ...asShown, ...absolutePaths(asShown, homePath) }, wasRead);
  return compare(got, wanted, [...new Set(rules.map(({ key }) => key))]);
}

function comparable(job: Row, isTyped: boolean): unknown {
  const kept = Object.entries(job).filter(([key]) => !statusFields.has(key));
  const words = (key: string, value: unknown) => (key === 'cmd' && !isTyped ? splitWords(String(value)) : value);
  return Object.fromEntries(kept.map(([key, value]) => [key, words(key, value)]).sort());
}

function absolutePaths(job: Row, home: string): Row {
  const absolute = (path: unknown) => (typeof path === 'string' && !path.startsWith('/') ? `${home}/${path}` : path);
  return { filelog_stdout: absolute(job.filelog_stdout), filelog_stderr: absolute(job.filelog_stderr) };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function listOf(images: readonly Image[]): ImageList {
  const byUrl = (url: string) => images.find((image) => image.url === url);
  const lost = (url: string): Image => ({ name: url, url, aliases: [], state: 'unknown', type: 'standard' });
  return {
    offered: () => images,
    find: byUrl,
    byUrl: (url) => byUrl(url) ?? lost(url),
    nearest: () => undefined,
  };
}

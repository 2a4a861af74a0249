/** The sections of a vector file that are about whole jobs: from what was asked to the object, and from an old object to what is shown. */
import { parseDefinition, resolveJob } from '../../src/definition/definition.ts';
import { annotationNames, fromKubeObject, runIdName, toKubeObject, toService } from '../../src/definition/manifests.ts';
import { requestOf } from '../../src/definition/quantity.ts';
import { joinWords, quotePath, splitWords } from '../../src/definition/shell-words.ts';
import { type Image, jobTypes, type KubeObject, Tool } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import type { ImageList } from '../../src/images.ts';
import { renderJob2022 } from '../../src/server/dialects/job-2022.ts';
import { makeSnapshot } from '../support/facts.ts';
import { type Difference, differencesFor, keysOf } from './differences.ts';
import type { Row } from './texts.ts';
import { attempt, compare, passed, type Verdict, withoutNulls } from './verdict.ts';

/** What a file says its objects assume. */
export interface Fixture {
  readonly tool: Tool;
  readonly homePath: string;
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly defaultCpuLimit: string;
  readonly defaults: { readonly memory: string; readonly cpu: string };
  readonly images: readonly Image[];
}

/** @throws Error naming what is missing */
export function readFixture(raw: Row): Fixture {
  const missing = ['tool', 'home', 'uid', 'gid', 'default_cpu_limit', 'defaults_2026', 'images'].filter(
    (key) => !(key in raw),
  );
  if (missing.length > 0 || !Array.isArray(raw.images))
    throw new Error(`its fixture lacks ${missing.join(', ') || 'images'}`);
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
  const rules = differencesFor('k8s_objects_2026', { asked, home: fixture.homePath });
  const made = attempt(() => make(asked, fixture));
  if (made instanceof AppError) return refused(made, row, rules);
  const wanted = { object: withoutNulls(row.k8s), service: withoutNulls(row.service ?? null) };
  return compare(
    made,
    rules.reduce((value, rule) => insteadOf(value, rule, asked, fixture), wanted as unknown),
    keysOf(rules),
  );
}

/** A row without an object was refused then, in whatever words. */
function refused(error: AppError, row: Row, rules: readonly Difference[]): Verdict {
  if (!('k8s' in row)) return passed;
  const meant = rules.filter(({ instead }) => instead === 'refused');
  if (meant.length === 0) return { is: 'failed', why: `refused: ${error.message}` };
  const isNamed = meant.some(({ field }) => field === error.fields?.field);
  return isNamed
    ? { is: 'differs', keys: keysOf(meant) }
    : { is: 'failed', why: `refused for another reason than ${keysOf(meant).join(' or ')}: ${error.message}` };
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
  const swap = (change: (key: string, value: unknown) => unknown) => JSON.parse(JSON.stringify(wanted, change));
  const amounts = (limits: object, requests: object) =>
    swap((key, value) => {
      if (key === 'limits') return { ...(value as object), ...limits };
      return key === 'requests' ? { ...(value as object), ...requests } : value;
    });
  switch (instead) {
    case 'memory as typed':
      return amounts({ memory: asked.memory }, { memory: requestOf(String(asked.memory), '512Mi') });
    case 'cpu as typed':
      return amounts({ cpu: asked.cpu }, { cpu: asked.cpu });
    case 'sunday is 0':
      return swap((key, value) =>
        key === 'schedule'
          ? String(value).replace(/[^ ]*$/, (days) => days.replace(/(^|,)7(?=$|,|\/)/g, '$10'))
          : value,
      );
    case 'paths have no effect':
      return swap((key, value) => (key === 'command' ? plainCommand(asked) : value));
    case 'paths are quoted':
      return swap((key, value) => (key === 'command' ? loggedCommand(asked, homePath) : value));
    default:
      // 'refused': an object was made all the same, and differs from this.
      return instead;
  }
}

function plainCommand({ cmd, imagename }: Row): string[] {
  const words = splitWords(String(cmd)) ?? [];
  return isBuilt(imagename) ? ['launcher', ...words] : ['/bin/sh', '-c', '--', String(cmd)];
}

function loggedCommand({ name, cmd, imagename, filelog_stdout, filelog_stderr }: Row, home: string): string[] {
  const path = (given: unknown, ending: string) => {
    const text = String(given ?? `${name}.${ending}`);
    return quotePath(text.startsWith('/') ? text : `${home}/${text}`);
  };
  const launcher = isBuilt(imagename) && !String(cmd).startsWith('launcher ') ? 'launcher ' : '';
  const [out, err] = [path(filelog_stdout, 'out'), path(filelog_stderr, 'err')];
  return ['/bin/sh', '-c', '--', `exec 1>>${out};exec 2>>${err};${launcher}${cmd}`];
}

function isBuilt(imagename: unknown): boolean {
  return String(imagename).includes('/');
}

/** Fields that say how a job is and not what it is. */
const statusFields: ReadonlySet<string> = new Set(['status_short', 'status_long']);

export function check2023(row: Row, { tool, homePath, images }: Fixture): Verdict {
  const roundTrip = row.api_object_after_roundtrip as Row;
  const wasRead = !('err' in roundTrip);
  const shownThen = (wasRead ? roundTrip : row.api_object) as Row;
  const rules = differencesFor('k8s_objects_2023', { asked: { ...shownThen, ...(wasRead ? {} : roundTrip) } });
  const read = fromKubeObject(row.k8s as KubeObject, { images: listOf(images), homesMount: parentOf(homePath) });
  if ('foreign' in read) return { is: 'failed', why: read.foreign };
  const { kind } = jobTypes[read.job.type];
  const snapshot = makeSnapshot({ kind, job: read.job });
  const { user, namespace, ...shown } = renderJob2022(snapshot, { tool, now: 0 });
  const name = String((row.k8s as { metadata: Row }).metadata.name);
  const cmd = wasRead ? shownThen.cmd : commandOfWords(String(shownThen.cmd));
  const wanted = { ...shownThen, cmd, ...absolutePaths(shownThen, homePath) };
  return compare(withoutStatus({ ...shown, name }), withoutStatus(wanted), keysOf(rules));
}

function withoutStatus(job: Row): Row {
  return Object.fromEntries(Object.entries(job).filter(([key]) => !statusFields.has(key)));
}

/** Only the words of such a command are kept; `launcher`, which every one of them needs, is not shown. */
function commandOfWords(cmd: string): string {
  const words = splitWords(cmd) ?? [];
  return joinWords(words[0] === 'launcher' ? words.slice(1) : words);
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
    all: () => images,
    offered: () => images,
    find: byUrl,
    byUrl: (url) => byUrl(url) ?? lost(url),
    nearest: () => undefined,
  };
}

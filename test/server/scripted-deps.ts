/** What the handlers need of the rest of the house, played by hand: a view that a test fills, and a cluster that takes everything. */
import { Readable } from 'node:stream';
import type {
  FormerJob,
  Freshness,
  JobSnapshot,
  KubeKind,
  KubeObject,
  MailLogRow,
  ResolvedJob,
  RunOutput,
  RunRecord,
} from '../../src/domain.ts';
import { Tool } from '../../src/domain.ts';
import type { AppError } from '../../src/errors.ts';
import { createImageCatalog } from '../../src/image-catalog.ts';
import { createAddressCheck } from '../../src/mail/webhook/addresses.ts';
import type { PodLogQuery } from '../../src/server/forward.ts';
import type { Deps } from '../../src/server/handlers/deps.ts';
import { createTurns } from '../../src/server/handlers/turns.ts';
import type { Caller } from '../../src/server/identify.ts';
import { createLimitCheck } from '../../src/server/limit-check.ts';
import type { LogFiles } from '../../src/server/logs/file-log.ts';
import { parseSettings, type Settings } from '../../src/settings.ts';
import type { Peak } from '../../src/usage/peaks.ts';
import type { Webhook } from '../../src/webhooks.ts';
import { images } from '../support/definitions.ts';
import { makeSnapshot, now } from '../support/facts.ts';

export interface ScriptedDeps extends Deps {
  /** Jobs by namespace; observe() puts in what was created. A test that changes a list puts in another array, as the roster does. */
  readonly view: Map<string, readonly JobSnapshot[]>;
  /** What was asked of others, in order, e.g. `['remove', 'alpha', 'uid-1']`. */
  readonly asked: unknown[][];
  /** Mail logs by tool. */
  readonly mailed: Map<string, readonly MailLogRow[]>;
  /** Records by tool and job, e.g. `alpha/demo`. */
  readonly records: Map<string, readonly RunRecord[]>;
  /** What the view learns when the last runs are recalled. */
  recalled(): void;
  /** Output by tool, job and run, e.g. `alpha/demo/run-1`. */
  readonly keptOutputs: Map<string, RunOutput>;
  /** What runs were seen to use, by the uid of the run. */
  readonly measured: Map<string, Peak>;
  /** What jobs were before, by tool, newest first. */
  readonly keptFormer: Map<string, readonly FormerJob[]>;
  /** Webhooks by tool. */
  readonly keptWebhooks: Map<string, Webhook>;
  freshness: Freshness;
  clock: number;
  live: Settings;
  /** What the cluster answers with to a creation. Unset: the object itself. */
  created: ((object: KubeObject) => Promise<KubeObject>) | undefined;
  /** What becomes of a deletion. Unset: it is done. */
  removed: (() => Promise<boolean>) | undefined;
  /** Kinds of which a flush can end none. */
  unended: ReadonlyMap<KubeKind, AppError>;
  /** What the cluster has besides, by `Kind/name`. */
  readonly stored: Map<string, KubeObject>;
  /** What the cluster makes of an object that is written over. */
  replaced: (object: KubeObject) => Promise<KubeObject>;
  /** What becomes of a Service or Ingress that is made. Unset: it is. */
  companionMade: (() => Promise<void>) | undefined;
  /** Unset: no container has written anything. */
  podLog: (pod: string, query: PodLogQuery, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
  /** Unset: no file is there. */
  logFiles: LogFiles;
  /** Unset: none. */
  events: () => Promise<readonly KubeObject[]>;
  /** Limits of the tool's namespace. */
  ranges: readonly KubeObject[];
  /** What the tool may have in all. */
  quotas: readonly KubeObject[];
  /** What waiting for an end comes to. */
  isGone: boolean;
  /** Answers to the question for pods that came late; then there are none. */
  latePods: boolean[];
}

export const alpha = callerOf('alpha');
export const beta = callerOf('beta');

function callerOf(name: string): Caller {
  return { tool: Tool.of(name), fingerprint: 'AA:BB', authority: 'cc', validTo: now + 1_000_000 };
}

/** A job in the view; `demo` of alpha unless said otherwise. */
export function jobNamed(name: string, tool = 'alpha', cmd = './run.sh'): JobSnapshot {
  const key = { namespace: `tool-${tool}`, kind: 'Job', name } as const;
  return { ...makeSnapshot({ job: { name, cmd }, object: { key, uid: `uid-${name}` } }), key };
}

/** A continuous job in the view, as resolved here unless said otherwise. */
export function continuousNamed(name: string, changes: Partial<ResolvedJob> = {}): JobSnapshot {
  const key = { namespace: 'tool-alpha', kind: 'Deployment', name } as const;
  const job = { ...changes, name, type: 'continuous' as const };
  return { ...makeSnapshot({ kind: 'Deployment', state: 'running', job, object: { key, uid: `uid-${name}` } }), key };
}

export function scriptDeps(): ScriptedDeps {
  const asked: unknown[][] = [];
  const view = new Map<string, readonly JobSnapshot[]>();
  const none: readonly JobSnapshot[] = [];
  const list = (namespace: string) => view.get(namespace) ?? none;
  const script: ScriptedDeps = {
    view,
    asked,
    mailed: new Map(),
    records: new Map(),
    keptOutputs: new Map(),
    recalled() {},
    measured: new Map(),
    keptFormer: new Map(),
    keptWebhooks: new Map(),
    freshness: { synced: true, live: true, asOf: now },
    clock: now,
    live: parseSettings({}).settings,
    created: undefined,
    removed: undefined,
    unended: new Map(),
    stored: new Map(),
    replaced: async (object) => object,
    companionMade: undefined,
    podLog: async () => (async function* () {})(),
    logFiles: { tailLog: async () => undefined, readLog: async () => undefined },
    events: async () => [],
    ranges: [],
    quotas: [],
    isGone: true,
    latePods: [],
    jobs: {
      list,
      find: (namespace, name) => list(namespace).find(({ key }) => key.name === name),
      observe(object) {
        asked.push(['observe', object]);
        const { namespace, name } = object.metadata as { namespace: string; name: string };
        view.set(namespace, [...list(namespace), jobNamed(name, namespace.replace('tool-', ''))]);
      },
      async whenGone(namespace, lives, timeoutMs) {
        asked.push(['whenGone', namespace, lives.map(({ uid }) => uid), timeoutMs]);
        return script.isGone;
      },
      freshness: () => script.freshness,
    },
    feeds: {
      listen(tool, asked) {
        script.asked.push(['listen', tool.name, asked]);
        return Readable.from([':\n\n']);
      },
      stop() {},
      size: () => 0,
    },
    webhooks: {
      find: (tool) => script.keptWebhooks.get(tool),
      async set(tool, { url, events, renew }) {
        const before = script.keptWebhooks.get(tool);
        const secret = before && !renew ? undefined : `whsec_${script.keptWebhooks.size}`;
        const webhook = {
          ...{ url, events, setAt: now, former: undefined, trouble: undefined },
          secret: secret ?? before?.secret ?? '',
        };
        script.keptWebhooks.set(tool, webhook);
        return { webhook, secret };
      },
      mayReach: createAddressCheck({ allow: [], refuse: [] }),
      queue: () => undefined,
      hurry: (tool) => void asked.push(['hurry', tool]),
      async remove(tool) {
        script.keptWebhooks.delete(tool);
      },
      async test(tool) {
        asked.push(['test webhook', tool]);
      },
    },
    mailLog: { list: async (tool) => script.mailed.get(tool.name) ?? [] },
    former: {
      async keep(tool, former) {
        if (former.length > 0)
          script.keptFormer.set(tool.name, [...former, ...(script.keptFormer.get(tool.name) ?? [])]);
      },
      list: async (tool) => script.keptFormer.get(tool.name) ?? [],
    },
    fences: {
      async claim(tool, claim) {
        asked.push(['claimFence', tool.name, claim]);
        return script.clock;
      },
    },
    recall: async () => script.recalled(),
    outputs: {
      of: async (tool, job, run) => script.keptOutputs.get(`${tool.name}/${job}/${run}`),
      written: async (tool, job) =>
        new Map(
          [...script.keptOutputs].flatMap(([key, { written }]) =>
            written && key.startsWith(`${tool.name}/${job}/`) ? [[key.split('/')[2] ?? '', written] as const] : [],
          ),
        ),
    },
    peaks: { of: (owner) => script.measured.get(owner) },
    runs: {
      list: async (tool, job) => script.records.get(`${tool.name}/${job}`) ?? [],
      listParts: async (tool, group) =>
        [...script.records].flatMap(([key, runs]) =>
          runs[0]?.group === group ? [{ part: key.slice(tool.name.length + 1), runs }] : [],
        ),
    },
    forward: {
      async create(tool, type, object) {
        asked.push(['create', tool.name, type, object]);
        return script.created ? script.created(object) : object;
      },
      async remove(tool, _key, uid) {
        asked.push(['remove', tool.name, uid]);
        return script.removed ? script.removed() : true;
      },
      async removeAll(tool) {
        asked.push(['removeAll', tool.name]);
        await script.removed?.();
        return script.unended;
      },
      async object(tool, { kind, name }) {
        asked.push(['object', tool.name, `${kind}/${name}`]);
        return script.stored.get(`${kind}/${name}`);
      },
      async replace(tool, { kind, name }, object) {
        asked.push(['replace', tool.name, `${kind}/${name}`, object]);
        return script.replaced(object);
      },
      async patch(tool, { kind, name }, change) {
        asked.push(['patch', tool.name, `${kind}/${name}`, change]);
        return { kind, metadata: { name, namespace: tool.namespace } };
      },
      async release(tool, { kind, name }, uid) {
        asked.push(['release', tool.name, `${kind}/${name}`, uid]);
      },
      async companion(tool, kind, name) {
        asked.push(['companion', tool.name, `${kind}/${name}`]);
        return script.stored.get(`${kind}/${name}`);
      },
      async createCompanion(tool, kind, object) {
        asked.push(['createCompanion', tool.name, kind, object]);
        await script.companionMade?.();
      },
      async patchCompanion(tool, kind, name, change) {
        asked.push(['patchCompanion', tool.name, `${kind}/${name}`, change]);
      },
      async removeCompanions(tool, kinds, name) {
        asked.push(['removeCompanions', tool.name, kinds, name]);
      },
      async hasPods(tool, name) {
        asked.push(['hasPods', tool.name, name]);
        return script.latePods.shift() ?? false;
      },
      podLog(tool, pod, query, signal) {
        asked.push(['podLog', tool.name, pod, query]);
        return script.podLog(pod, query, signal);
      },
      async limitRanges(tool) {
        asked.push(['limitRanges', tool.name]);
        return script.ranges;
      },
      async resourceQuotas(tool) {
        asked.push(['resourceQuotas', tool.name]);
        return script.quotas;
      },
      async eventsOf(tool, uid) {
        asked.push(['eventsOf', tool.name, uid]);
        return script.events();
      },
    },
    images: createImageCatalog({ prebuilt: () => images, built: undefined, now: () => now }),
    settings: () => script.live,
    async homeOf(tool) {
      asked.push(['homeOf', tool.name]);
      return { path: `/data/project/${tool.name}`, uid: 50_001, gid: 50_002 };
    },
    takeTurn: createTurns(),
    checkLimits: async (tool, job) =>
      createLimitCheck({ limitRanges: async () => script.ranges, now: () => script.clock })(tool, job),
    homes: { base: '/srv/homes', mount: '/data/project' },
    octoberBase: '/jobs',
    now: () => script.clock,
  };
  return script;
}

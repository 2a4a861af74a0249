/**
 * What the handlers need, with a cluster that keeps what is written and the roster of the daemon for a view of it. It decides nothing but
 * what cannot be without it: a name is there once, a version is written over once, and the quota counts objects.
 */
import { fromKubeObject } from '../../src/definition/manifests.ts';
import { type JobKey, jobTypes, type KubeKind, type KubeObject } from '../../src/domain.ts';
import { AppError } from '../../src/errors.ts';
import { recordAt, textAt } from '../../src/fields.ts';
import { createLog } from '../../src/log.ts';
import { createJobRoster, type JobRoster } from '../../src/machines/roster.ts';
import type { Deps } from '../../src/server/handlers/deps.ts';
import { isDropped, toJobEvent } from '../../src/watch/job-events.ts';
import { images } from '../support/definitions.ts';
import { type ScriptedDeps, scriptDeps } from './scripted-deps.ts';

export interface KeepingDeps extends Deps {
  readonly script: ScriptedDeps;
  /** By `Kind/name`. */
  readonly stored: Map<string, KubeObject>;
  /** Of objects, e.g. `{ 'count/cronjobs.batch': 3 }`; what is not named has no limit. */
  hard: Readonly<Record<string, number>>;
  /** Writes so far, e.g. `replace Deployment/bot`. */
  readonly writes: string[];
  /** Called with each write before it is done; may throw. */
  onWrite: (write: string) => void;
  /** The object as the cluster would have it next, e.g. with another status. */
  put(kind: KubeKind, object: KubeObject): void;
  stop(): void;
}

const counted: Readonly<Record<KubeKind, string>> = {
  Job: 'count/jobs.batch',
  CronJob: 'count/cronjobs.batch',
  Deployment: 'count/deployments.apps',
};

export function keepDeps(): KeepingDeps {
  const script = scriptDeps();
  const { stored } = script;
  const roster: JobRoster = createJobRoster({ log: createLog({ level: 'silent' }) });
  let version = 100;

  const stamped = (kind: string, object: KubeObject, uid: string): KubeObject => {
    version += 1;
    const metadata = { ...recordAt(object, 'metadata'), uid, resourceVersion: String(version) };
    return { ...object, kind, metadata: { creationTimestamp: '2026-03-01T12:00:00Z', ...metadata } };
  };
  const see = (kind: KubeKind, object: KubeObject) => {
    const event = toJobEvent(kind, 'MODIFIED', object, (one) =>
      fromKubeObject(one, { images, homesMount: '/data/project' }),
    );
    if (!isDropped(event)) roster.accept(event);
  };
  const write = (what: string) => {
    keeping.onWrite(what);
    keeping.writes.push(what);
  };
  const numberOf = (kind: KubeKind) => [...stored.keys()].filter((key) => key.startsWith(`${kind}/`)).length;
  const takeAway = ({ namespace, kind, name }: JobKey, uid: string): boolean => {
    write(`remove ${kind}/${name}`);
    if (textAt(stored.get(`${kind}/${name}`), 'metadata', 'uid') !== uid) return false;
    stored.delete(`${kind}/${name}`);
    version += 1;
    roster.accept({ type: 'object.gone', key: { namespace, kind, name }, uid, resourceVersion: String(version) });
    return true;
  };

  const keeping: KeepingDeps = {
    ...script,
    script,
    stored,
    hard: {},
    writes: [],
    onWrite() {},
    put(kind, object) {
      const name = textAt(object, 'metadata', 'name') ?? '';
      const kept = stamped(kind, object, textAt(object, 'metadata', 'uid') ?? `uid-${version}`);
      stored.set(`${kind}/${name}`, kept);
      see(kind, kept);
    },
    stop: () => roster.stop(),
    jobs: {
      list: (namespace) => roster.list(namespace),
      find: (namespace, name) => roster.find(namespace, name),
      whenGone: (namespace, lives, timeoutMs) => roster.whenGone(namespace, lives, timeoutMs),
      observe: (object) => see(textAt(object, 'kind') as KubeKind, object),
      freshness: () => script.freshness,
    },
    settings: () => script.live,
    now: () => script.clock,
    forward: {
      ...script.forward,
      async create(_tool, type, object) {
        const { kind } = jobTypes[type];
        const name = textAt(object, 'metadata', 'name') ?? '';
        write(`create ${kind}/${name}`);
        if (stored.has(`${kind}/${name}`)) throw new AppError('job.conflict', 'It is there.');
        if (numberOf(kind) >= (keeping.hard[counted[kind]] ?? Number.POSITIVE_INFINITY))
          throw new AppError('quota.exceeded', 'It is full.');
        keeping.put(kind, object);
        return stored.get(`${kind}/${name}`) as KubeObject;
      },
      async replace(_tool, { kind, name }, object) {
        write(`replace ${kind}/${name}`);
        const present = stored.get(`${kind}/${name}`);
        const [was, is] = [object, present].map((one) => textAt(one, 'metadata', 'resourceVersion'));
        if (!present || was !== is) throw new AppError('kube.conflict', 'It is another one by now.');
        const kept = stamped(kind, object, textAt(present, 'metadata', 'uid') ?? '');
        stored.set(`${kind}/${name}`, kept);
        return kept;
      },
      async patch(_tool, { kind, name }, change) {
        write(`patch ${kind}/${name}`);
        const present = stored.get(`${kind}/${name}`) ?? {};
        const metadata = recordAt(present, 'metadata');
        const annotations = { ...recordAt(metadata, 'annotations'), ...recordAt(change, 'metadata', 'annotations') };
        const kept = stamped(
          kind,
          { ...present, metadata: { ...metadata, annotations } },
          textAt(metadata, 'uid') ?? '',
        );
        stored.set(`${kind}/${name}`, kept);
        return kept;
      },
      object: async (_tool, { kind, name }) => stored.get(`${kind}/${name}`),
      remove: async (_tool, key, uid) => takeAway(key, uid),
      companion: async (_tool, kind, name) => stored.get(`${kind}/${name}`),
      async createCompanion(_tool, kind, object) {
        stored.set(`${kind}/${textAt(object, 'metadata', 'name')}`, object);
      },
      async patchCompanion(_tool, kind, name, change) {
        stored.set(`${kind}/${name}`, { ...stored.get(`${kind}/${name}`), ...change });
      },
      async removeCompanions(_tool, kinds, name) {
        for (const kind of kinds) stored.delete(`${kind}/${name}`);
      },
      hasPods: async () => false,
      limitRanges: async () => [],
      async resourceQuotas() {
        const used = Object.fromEntries(
          Object.entries(counted).map(([kind, resource]) => [resource, String(numberOf(kind as KubeKind))]),
        );
        const hard = Object.fromEntries(Object.entries(keeping.hard).map(([name, count]) => [name, String(count)]));
        return [{ status: { hard, used } }];
      },
    },
  };
  return keeping;
}

/**
 * Which of several processes works: the holder of one Lease of the cluster (kubernetes.io, "Leases"). Times are never compared between
 * machines: a Lease that has not changed for its duration, as this process counts it, is free. The holder stops believing in itself five
 * seconds before anybody else may.
 */
import { randomUUID } from 'node:crypto';
import { recordAt, textAt } from './fields.ts';
import { type Kube, kubeStatusOf } from './kube.ts';
import type { Log } from './log.ts';

export interface LeaseOptions {
  readonly kube: Pick<Kube, 'request'>;
  readonly namespace: string;
  readonly name: string;
  /** Of this process; one that is started anew under the same name goes on where it was. */
  readonly identity: string;
  readonly log: Log;
  /** Called once when it was held and is not any more. */
  onLost(): void;
  /** Unset: the system's. */
  readonly clock?: LeaseClock;
}

export interface LeaseClock {
  /** Ms since the epoch; only for people to read. */
  wallMs(): number;
  /** Ms that never jump. */
  steadyMs(): number;
  /** Calls `run` once after `delayMs`; the function it returns takes that back. */
  after(delayMs: number, run: () => void): () => void;
}

export interface Lease {
  /** Resolves when this process holds it. Never rejects: a cluster that does not answer is waited for. */
  acquire(): Promise<void>;
  /** Asked before everything that only the holder may do. */
  isHeld(): boolean;
  /** Gives it back, so that another one need not wait. Idempotent. */
  release(): Promise<void>;
}

/** Others may take it when it has not been renewed for so long. */
const leaseSeconds = 15;
const heldMs = 10_000;
const renewEveryMs = 2_000;
const tryEveryMs = 1_000;
const requestMs = 4_000;
/** Tells processes of the same identity apart. */
const processKey = 'jobs.toolforge.org/process';

/** What was seen of the Lease, and since when it is as it is. */
interface Seen {
  readonly version: string;
  readonly object: Readonly<Record<string, unknown>>;
  readonly since: number;
}

export function createLease(options: LeaseOptions): Lease {
  const { kube, namespace, name, identity, log, onLost, clock = systemClock } = options;
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases`;
  const path = `${collection}/${encodeURIComponent(name)}`;
  let seen: Seen | undefined;
  /** When the last renewal that succeeded was asked for; undefined while it was never held, or is not any more. */
  let renewedAt: number | undefined;
  const me = randomUUID();
  let cancel = () => {};
  let underway: Promise<unknown> | undefined;
  let isOver = false;

  const isHeld = () => renewedAt !== undefined && clock.steadyMs() - renewedAt < heldMs;

  /** @returns whether it is held now */
  async function attempt(): Promise<boolean> {
    const askedAt = clock.steadyMs();
    const current = await read();
    if (isOver || !mayTake(current)) return false;
    const written = current
      ? await kube.request({ method: 'PUT', path, body: claim(current.object), timeoutMs: requestMs })
      : await kube.request({ method: 'POST', path: collection, body: claim(undefined), timeoutMs: requestMs });
    note(written);
    renewedAt = askedAt;
    return true;
  }

  async function read(): Promise<Seen | undefined> {
    try {
      return note(await kube.request({ method: 'GET', path, timeoutMs: requestMs }));
    } catch (error) {
      if (kubeStatusOf(error)?.statusCode !== 404) throw error;
      return undefined;
    }
  }

  function note(object: unknown): Seen {
    const version = textAt(object, 'metadata', 'resourceVersion') ?? '';
    if (seen?.version !== version) seen = { version, object: recordAt(object), since: clock.steadyMs() };
    return seen;
  }

  /** @param current undefined where there is no Lease */
  function mayTake(current: Seen | undefined): boolean {
    // Once it was another's, what this process knows of the state is old, though the Lease be free again.
    if (renewedAt !== undefined) return isHeld() && (current === undefined || isMine(current));
    // The holder of one that was deleted may not know it yet.
    const last = current ?? seen;
    return last === undefined || isFree(last);
  }

  function isMine({ object }: Seen): boolean {
    return (
      textAt(object, 'spec', 'holderIdentity') === identity &&
      textAt(object, 'metadata', 'annotations', processKey) === me
    );
  }

  function isFree({ object, since }: Seen): boolean {
    const holder = textAt(object, 'spec', 'holderIdentity') ?? '';
    if (holder === '' || holder === identity) return true;
    const { leaseDurationSeconds } = recordAt(object, 'spec');
    const seconds = typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds : leaseSeconds;
    return clock.steadyMs() - since > seconds * 1_000;
  }

  function claim(before: Seen['object'] | undefined, holder = identity): object {
    const spec = recordAt(before, 'spec');
    const isSame = spec.holderIdentity === holder;
    const now = `${new Date(clock.wallMs()).toISOString().slice(0, -1)}000Z`;
    const transitions = typeof spec.leaseTransitions === 'number' ? spec.leaseTransitions : 0;
    const annotations = { ...recordAt(before, 'metadata', 'annotations'), [processKey]: me };
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...recordAt(before, 'metadata'), name, namespace, annotations },
      spec: {
        holderIdentity: holder,
        leaseDurationSeconds: leaseSeconds,
        acquireTime: isSame ? spec.acquireTime : now,
        renewTime: now,
        leaseTransitions: before && !isSame && holder !== '' ? transitions + 1 : transitions,
      },
    };
  }

  async function renew(): Promise<void> {
    if (!isHeld()) return lose();
    const attempted = attempt().catch((error: unknown) => {
      log.warn({ name, err: error }, 'the Lease could not be renewed');
      return undefined;
    });
    underway = attempted;
    const isRenewed = await attempted;
    if (isOver) return;
    if (isRenewed === false || !isHeld()) return lose();
    cancel();
    plan();
  }

  /** The next renewal; and the end, whatever request is still waiting for its answer then. */
  function plan(): void {
    const leftMs = heldMs - (clock.steadyMs() - (renewedAt ?? 0));
    const timers = [clock.after(renewEveryMs, () => void renew()), clock.after(leftMs, lose)];
    cancel = () => {
      for (const take of timers) take();
    };
  }

  function lose(): void {
    if (isOver) return;
    isOver = true;
    cancel();
    renewedAt = undefined;
    log.error({ name, identity }, 'the Lease is lost: another process may work now');
    onLost();
  }

  /** Somebody else was faster, which is no trouble. */
  const isRace = (error: unknown) => kubeStatusOf(error)?.statusCode === 409;

  return {
    isHeld,
    async acquire() {
      let isInTrouble = false;
      for (let isSaid = false; !isOver; isSaid = true) {
        const attempted = attempt().catch((error: unknown) => error);
        underway = attempted;
        const isMine = await attempted;
        if (isMine === true) break;
        const fails = isMine !== false && !isRace(isMine);
        // One warning for each time of trouble: whoever stands by tries again every second.
        if (isMine !== false)
          log[fails && !isInTrouble ? 'warn' : 'debug']({ name, err: isMine }, 'the Lease was not to be had');
        isInTrouble = fails;
        if (!isSaid) log.info({ name, holder: textAt(seen?.object, 'spec', 'holderIdentity') }, 'standing by');
        await new Promise<void>((resolve) => {
          cancel = clock.after(tryEveryMs, resolve);
        });
      }
      if (isOver) return;
      log.info({ name, identity }, 'the Lease is held');
      plan();
    },
    async release() {
      if (isOver) return;
      isOver = true;
      cancel();
      // What was asked for may still be given, to a process that is gone by then.
      await underway;
      // One of the same identity may have it by now.
      if (!isHeld() || !seen || !isMine(seen)) return;
      renewedAt = undefined;
      const body = claim(seen.object, '');
      await kube.request({ method: 'PUT', path, body, timeoutMs: requestMs }).catch((error: unknown) => {
        log.warn({ name, err: error }, 'the Lease could not be given back; it ends by itself');
      });
    },
  };
}

const systemClock: LeaseClock = {
  wallMs: () => Date.now(),
  steadyMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

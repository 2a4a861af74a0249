import { describe, expect, it } from 'vitest';
import { AppError } from '../src/errors.ts';
import { fromKubeStatus, type KubeRequest } from '../src/kube.ts';
import { createLease, type Lease } from '../src/lease.ts';
import { createLog } from '../src/log.ts';
import { createSeededRandom } from './support/seeded-random.ts';

/** A hand-held clock: what is to happen later happens when a test moves it. */
function createClock() {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    wallMs: () => 1_772_000_000_000 + now,
    steadyMs: () => now,
    after(delayMs: number, run: () => void) {
      const timer = { at: now + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    /** Moves on, timer by timer. @param only who is awake: the timers of others stay */
    async pass(ms: number) {
      const end = now + ms;
      for (;;) {
        await settle();
        const [next] = [...timers].sort((one, other) => one.at - other.at);
        if (!next || next.at > end) break;
        timers = timers.filter((one) => one !== next);
        now = Math.max(now, next.at);
        next.run();
      }
      now = end;
      await settle();
    },
    /** Time passes and nobody here notices, as for a process that is stopped. */
    jump(ms: number) {
      now += ms;
    },
  };
}

const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

interface Stored {
  metadata: { resourceVersion: string };
  spec: { holderIdentity: string; leaseTransitions: number };
}

/** One Lease, kept as the API server keeps it. */
function createServer() {
  const state = { lease: undefined as Stored | undefined, version: 1, isAway: false, requests: 0 };
  async function request({ method, body }: KubeRequest): Promise<unknown> {
    state.requests += 1;
    if (state.isAway) throw new AppError('kube.unreachable', 'away');
    if (method === 'GET') {
      if (!state.lease) throw fromKubeStatus(404, {}, undefined);
      return structuredClone(state.lease);
    }
    const wanted = body as Stored;
    if (method === 'POST' && state.lease) throw fromKubeStatus(409, {}, undefined);
    if (method === 'PUT' && wanted.metadata.resourceVersion !== state.lease?.metadata.resourceVersion)
      throw fromKubeStatus(409, {}, undefined);
    state.version += 1;
    state.lease = { ...wanted, metadata: { ...wanted.metadata, resourceVersion: String(state.version) } };
    return structuredClone(state.lease);
  }
  return { state, request };
}

function contender(
  identity: string,
  server: { request(request: KubeRequest): Promise<unknown> },
  clock: ReturnType<typeof createClock>,
) {
  const lost: string[] = [];
  const warnings: string[] = [];
  const lease = createLease({
    kube: { request: server.request },
    namespace: 'jobs-api',
    name: 'jobs-api',
    identity,
    log: createLog({ level: 'warn', stream: { write: (line) => void warnings.push(JSON.parse(line).msg) } }),
    onLost: () => void lost.push(identity),
    clock,
  });
  return { lease, lost, warnings };
}

function acquire(lease: Lease) {
  const answer = { isDone: false };
  void lease.acquire().then(() => {
    answer.isDone = true;
  });
  return answer;
}

describe('a Lease', () => {
  it('is made by the first who comes, and stays with it', async () => {
    const [clock, server] = [createClock(), createServer()];
    const [one, two] = [contender('one', server, clock), contender('two', server, clock)];
    acquire(one.lease);
    await clock.pass(100);
    acquire(two.lease);
    await clock.pass(120_000);
    expect([one.lease.isHeld(), two.lease.isHeld()]).toEqual([true, false]);
    expect(server.state.lease?.spec).toMatchObject({
      holderIdentity: 'one',
      leaseTransitions: 0,
      leaseDurationSeconds: 15,
    });
  });

  it('is given back by a process that ends while it is taking it', async () => {
    const [clock, server] = [createClock(), createServer()];
    let answer = () => {};
    const slow = async (asked: KubeRequest) => {
      const said = await server.request(asked);
      if (asked.method === 'POST')
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
      return said;
    };
    const one = contender('one', { request: slow }, clock);
    acquire(one.lease);
    await clock.pass(100);
    const released = one.lease.release();
    answer();
    await released;
    expect(server.state.lease?.spec.holderIdentity).toBe('');
  });

  it('is taken over within 20 s when its holder is killed', async () => {
    const [clock, server] = [createClock(), createServer()];
    let isKilled = false;
    const mortal = contender(
      'one',
      { request: (asked) => (isKilled ? new Promise(() => {}) : server.request(asked)) },
      clock,
    );
    const two = contender('two', server, clock);
    acquire(mortal.lease);
    await clock.pass(7_000);
    acquire(two.lease);
    await clock.pass(3_000);
    isKilled = true;
    await clock.pass(14_000);
    expect(two.lease.isHeld()).toBe(false);
    await clock.pass(6_000);
    expect(two.lease.isHeld()).toBe(true);
    expect(server.state.lease?.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
  });

  it('is handed over at once when its holder ends', async () => {
    const [clock, server] = [createClock(), createServer()];
    const [one, two] = [contender('one', server, clock), contender('two', server, clock)];
    acquire(one.lease);
    await clock.pass(100);
    acquire(two.lease);
    await clock.pass(5_000);
    await one.lease.release();
    await clock.pass(1_100);
    expect([one.lease.isHeld(), two.lease.isHeld(), one.lost]).toEqual([false, true, []]);
  });

  it('is believed in five seconds less than others wait, and its loss is told once', async () => {
    const [clock, server] = [createClock(), createServer()];
    const one = contender('one', server, clock);
    acquire(one.lease);
    await clock.pass(4_000);
    server.state.isAway = true;
    await clock.pass(9_000);
    expect([one.lease.isHeld(), one.lost]).toEqual([true, []]);
    await clock.pass(3_000);
    expect([one.lease.isHeld(), one.lost]).toEqual([false, ['one']]);
    await clock.pass(60_000);
    expect(one.lost).toEqual(['one']);
  });

  it('is known to be lost by a process that was stopped, before it does anything', async () => {
    const [clock, server] = [createClock(), createServer()];
    const one = contender('one', server, clock);
    acquire(one.lease);
    await clock.pass(1_000);
    clock.jump(60_000);
    expect(one.lease.isHeld()).toBe(false);
  });

  it('that cannot be had is said once by those who stand by, as long as the trouble lasts', async () => {
    const [clock, server] = [createClock(), createServer()];
    acquire(contender('one', server, clock).lease);
    await clock.pass(100);
    const two = contender('two', server, clock);
    acquire(two.lease);
    await clock.pass(5_000);
    expect(two.warnings).toEqual([]);
    server.state.isAway = true;
    await clock.pass(60_000);
    expect(two.warnings).toEqual(['the Lease was not to be had']);
    server.state.isAway = false;
    await clock.pass(20_000);
    expect([two.lease.isHeld(), two.warnings.length]).toEqual([true, 1]);
  });

  it('goes on at once under the same identity', async () => {
    const [clock, server] = [createClock(), createServer()];
    acquire(contender('one', server, clock).lease);
    await clock.pass(1_000);
    const again = contender('one', server, clock);
    acquire(again.lease);
    await clock.pass(0);
    expect(again.lease.isHeld()).toBe(true);
  });

  it('that was deleted is made again', async () => {
    const [clock, server] = [createClock(), createServer()];
    const one = contender('one', server, clock);
    acquire(one.lease);
    await clock.pass(1_000);
    server.state.lease = undefined;
    await clock.pass(5_000);
    expect([one.lease.isHeld(), server.state.lease]).toMatchObject([true, { spec: { holderIdentity: 'one' } }]);
  });

  it('that was deleted is left to its holder by those who stand by', async () => {
    const [clock, server] = [createClock(), createServer()];
    const [one, two] = [contender('one', server, clock), contender('two', server, clock)];
    acquire(one.lease);
    await clock.pass(500);
    acquire(two.lease);
    await clock.pass(3_900);
    server.state.lease = undefined;
    await clock.pass(200);
    expect([one.lease.isHeld(), two.lease.isHeld()]).toEqual([true, false]);
    await clock.pass(5_000);
    expect([one.lease.isHeld(), two.lease.isHeld(), one.lost]).toEqual([true, false, []]);
  });

  it('is not taken again by a holder that stood still while another one worked and went', async () => {
    const [clock, server] = [createClock(), createServer()];
    let isStopped = false;
    const one = contender(
      'one',
      {
        async request(asked) {
          while (isStopped) await new Promise<void>((resolve) => void clock.after(100, resolve));
          return server.request(asked);
        },
      },
      clock,
    );
    acquire(one.lease);
    await clock.pass(1_900);
    // Its question is on its way for the whole time.
    isStopped = true;
    await clock.pass(200);
    const between = { ...(server.state.lease as Stored), spec: { holderIdentity: '', leaseTransitions: 2 } };
    server.state.lease = { ...between, metadata: { resourceVersion: '70' } };
    isStopped = false;
    await clock.pass(1_000);
    expect([one.lease.isHeld(), one.lost, server.state.lease?.spec.holderIdentity]).toEqual([false, ['one'], '']);
  });

  it('is lost in time though the answer to a renewal is still awaited', async () => {
    const [clock, server] = [createClock(), createServer()];
    let isSilent = false;
    const one = contender(
      'one',
      { request: (asked) => (isSilent ? new Promise(() => {}) : server.request(asked)) },
      clock,
    );
    acquire(one.lease);
    await clock.pass(1_000);
    isSilent = true;
    await clock.pass(8_900);
    expect([one.lease.isHeld(), one.lost]).toEqual([true, []]);
    await clock.pass(200);
    expect([one.lease.isHeld(), one.lost]).toEqual([false, ['one']]);
  });

  it('that is given back stays free, whatever renewal was under way', async () => {
    const [clock, server] = [createClock(), createServer()];
    let isLate = false;
    const one = contender(
      'one',
      {
        async request(asked) {
          if (isLate && asked.method === 'GET') await new Promise<void>((resolve) => void clock.after(1_000, resolve));
          return server.request(asked);
        },
      },
      clock,
    );
    acquire(one.lease);
    await clock.pass(1_500);
    isLate = true;
    await clock.pass(1_000);
    const released = one.lease.release();
    await clock.pass(5_000);
    await released;
    expect([server.state.lease?.spec, one.lost]).toMatchObject([{ holderIdentity: '', leaseTransitions: 0 }, []]);
  });

  it('is lost by a process when another one of the same identity has taken it', async () => {
    const [clock, server] = [createClock(), createServer()];
    const [one, same] = [contender('one', server, clock), contender('one', server, clock)];
    acquire(one.lease);
    await clock.pass(1_000);
    acquire(same.lease);
    await clock.pass(3_000);
    expect([one.lost, one.lease.isHeld(), same.lease.isHeld()]).toEqual([['one'], false, true]);
    await clock.pass(30_000);
    expect([same.lost, same.lease.isHeld()]).toEqual([[], true]);
  });

  it('is waited for while the cluster is away', async () => {
    const [clock, server] = [createClock(), createServer()];
    const one = contender('one', server, clock);
    server.state.isAway = true;
    const answer = acquire(one.lease);
    await clock.pass(60_000);
    expect(answer.isDone).toBe(false);
    server.state.isAway = false;
    await clock.pass(1_000);
    expect([answer.isDone, one.lease.isHeld()]).toEqual([true, true]);
  });

  it('is never held by two at once, whatever is late, fails or stands still', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const random = createSeededRandom(seed);
      const [clock, server] = [createClock(), createServer()];
      const flaky = {
        async request(asked: KubeRequest) {
          const fate = random.between(0, 9);
          if (fate === 0) throw new AppError('kube.unreachable', 'away');
          if (fate <= 3) await new Promise<void>((resolve) => void clock.after(random.between(0, 4_000), resolve));
          const answer = await server.request(asked);
          // Done, and the answer is lost.
          if (fate === 9) throw new AppError('kube.state_unknown', 'no answer');
          return answer;
        },
      };
      let contenders = ['one', 'two', 'three'].map((identity) => contender(identity, flaky, clock));
      for (const { lease } of contenders) acquire(lease);
      let latest: Lease | undefined;
      const former = new Set<Lease | undefined>();
      for (let step = 0; step < 500; step += 1) {
        await clock.pass(random.between(0, 2_000));
        if (random.between(0, 60) === 0) clock.jump(random.between(0, 30_000));
        expect(
          contenders.filter(({ lease }) => lease.isHeld()).length,
          `seed ${seed}, step ${step}`,
        ).toBeLessThanOrEqual(1);
        const holder = contenders.find(({ lease }) => lease.isHeld())?.lease;
        if (holder && holder !== latest) {
          expect(former.has(holder), `seed ${seed}, step ${step}: goes on where another one has worked`).toBe(false);
          former.add(latest);
          latest = holder;
        }
        // Who has lost it ends, and is started again; so does one that is asked to end.
        const isAsked = random.between(0, 40) === 0;
        if (isAsked) void contenders[0]?.lease.release();
        contenders = contenders.map((old, index) => {
          if (old.lost.length === 0 && !(isAsked && index === 0)) return old;
          const anew = contender(['one', 'two', 'three'][index] ?? '', flaky, clock);
          acquire(anew.lease);
          return anew;
        });
      }
    }
  });
});

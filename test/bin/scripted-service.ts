/** A TLS endpoint that gives recorded answers of our own daemon, and a home whose kubeconfig leads to it. It decides nothing. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { Person } from '../../bin/client/account-doubt.ts';
import { type Io, main } from '../../bin/jobs.ts';
import type { Display } from '../../bin/terminal/screen.ts';
import { attribute, createAuthority, issueServer, toolSubject } from '../support/certs.ts';

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** CN of the client certificate, where it is of the authority asked for. */
  readonly caller: string | undefined;
  /** Of the connection, as the server sees it. */
  readonly port: number | undefined;
}

export interface Answer {
  /** Unset: 200. */
  readonly status?: number;
  /** Sent as JSON; text is sent as it is. `cut`: the connection ends instead. */
  readonly body: unknown;
  /** The connection ends behind the body, which is text. */
  readonly isCutOff?: true;
}

export const cut = Symbol('cut');

export interface Beside {
  /** Text of each stream of events, in order; it then stays open, unless it ends in `cut`. The last one is given again and again. */
  readonly events?: readonly (readonly (string | typeof cut)[])[];
  readonly runs?: Answer;
  /** What the job writes; the stream then ends. */
  readonly logs?: string;
}

const noRoute: Answer = { status: 404, body: { error: ['There is nothing at this path.'], code: 'route.not_found' } };

export interface Service {
  readonly url: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** PEM of the authority that signed the server's certificate. */
  readonly ca: string;
  readonly requests: Recorded[];
  /** What the next requests get, in order; the last one is given again and again. */
  script(...answers: Answer[]): void;
  /** A command line that waits for a job asks these as well, apart from the script. Unset: an older service, which has no such routes. */
  beside(answers: Beside): void;
  /** Last-Event-ID of each stream of events that was asked for. */
  readonly followed: (string | undefined)[];
  close(): Promise<void>;
}

export async function startService(): Promise<Service> {
  const authority = createAuthority();
  const server = issueServer(authority);
  const tool = authority.issue({ subject: toolSubject('quick') });
  const requests: Recorded[] = [];
  let answers: Answer[] = [];
  let beside: Beside = {};
  const followed: (string | undefined)[] = [];
  const streamOf = () => beside.events?.[Math.min(followed.length, beside.events.length) - 1];
  const listener = createServer(
    { cert: server.cert, key: server.key, ca: authority.cert, requestCert: true, rejectUnauthorized: false },
    async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString('utf8');
      const socket = request.socket as TLSSocket;
      const isWaiting = request.headers['user-agent']?.includes(':jobs-cli ') ?? false;
      const ofOneJob = request.url?.includes('/events?') ?? false;
      const ofAll = beside.events !== undefined && (request.url?.endsWith('/events') ?? false);
      const isEvents = isWaiting && (ofOneJob || ofAll);
      if (isEvents) followed.push(request.headers['last-event-id'] as string | undefined);
      const stream = isEvents ? streamOf() : undefined;
      if (stream) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (const piece of stream) piece === cut ? setImmediate(() => socket.destroy()) : response.write(piece);
        return;
      }
      if (isWaiting && beside.logs !== undefined && request.url?.includes('/logs?')) {
        response.writeHead(200, { 'content-type': 'text/plain' }).end(beside.logs);
        return;
      }
      if (isEvents || (isWaiting && request.url?.endsWith('/runs'))) {
        const { status = 200, body } = (isEvents ? undefined : beside.runs) ?? noRoute;
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        return;
      }
      requests.push({
        method: request.method ?? '',
        path: request.url ?? '',
        body: text === '' ? undefined : JSON.parse(text),
        headers: request.headers,
        port: socket.remotePort,
        caller: socket.authorized ? socket.getPeerCertificate().subject.CN : undefined,
      });
      const { status = 200, body, isCutOff } = (answers.length > 1 ? answers.shift() : answers[0]) ?? { body: {} };
      if (body === cut) socket.destroy();
      else if (isCutOff) response.writeHead(status).write(String(body), () => setImmediate(() => socket.destroy()));
      else
        response
          .writeHead(status, { 'content-type': 'application/json' })
          .end(typeof body === 'string' ? body : JSON.stringify(body));
    },
  );
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const home = makeHome({ url, ca: authority.cert, cert: tool.cert, key: tool.key });
  return {
    url,
    home,
    env: { HOME: home },
    ca: authority.cert,
    requests,
    followed,
    beside(next) {
      beside = next;
    },
    script(...next) {
      requests.length = 0;
      followed.length = 0;
      beside = {};
      answers = next;
    },
    close: async () => {
      rmSync(home, { recursive: true, force: true });
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

export interface HomeParts {
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A tool's home as `tool add` leaves it, and a settings file that leads to the service. */
export function makeHome({ url, ca, cert, key }: HomeParts): string {
  const home = mkdtempSync(join(tmpdir(), 'jobs-home-'));
  mkdirSync(join(home, '.kube'));
  mkdirSync(join(home, '.toolskube'));
  writeFileSync(join(home, '.toolskube/client.crt'), cert);
  writeFileSync(join(home, '.toolskube/client.key'), key);
  writeFileSync(join(home, '.toolforge.yaml'), `api_gateway:\n  url: ${url}\n`);
  writeFileSync(join(home, '.kube/config'), kubeconfig(ca));
  return home;
}

export function kubeconfig(ca: string, namespace = 'tool-quick'): string {
  return `apiVersion: v1
kind: Config
current-context: toolforge
clusters:
- name: toolforge
  cluster:
    server: "https://127.0.0.1:6443"
    certificate-authority-data: "${Buffer.from(ca).toString('base64')}"
contexts:
- name: toolforge
  context:
    cluster: toolforge
    namespace: "${namespace}"
    user: "tf-quick"
users:
- name: "tf-quick"
  user:
    client-certificate: "../.toolskube/client.crt"
    client-key: "../.toolskube/client.key"
`;
}

/** An authority nobody here trusts. */
export function strangersCa(): string {
  return createAuthority('stranger').cert;
}

/** A certificate of an authority that fits no key of the home. */
export function strangersCert(): string {
  return createAuthority('stranger').issue({ subject: [attribute('CN', 'quick')] }).cert;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** How long was slept between polls, in ms. */
  readonly slept: readonly number[];
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Unset: false. */
  readonly isTerminal?: boolean;
  /** Unset: one whose name says nothing, on a machine that is none of Toolforge's. */
  readonly person?: Person;
  /** Given the ticks of whatever repeats itself. */
  onEvery?(tick: () => void): void;
  /** What a person types at a question. Unset: nobody can be asked. */
  ask?(prompt: string): Promise<string>;
  /** Called instead of sleeping. */
  onSleep?(interrupt: () => void): void | Promise<void>;
  /** Unset: stdout is no terminal. */
  readonly display?: Display;
  /** Called with all that was printed so far. */
  onPrint?(stdout: string, interrupt: () => void): void;
}

/** The program in this process, on a clock that only sleeping moves. */
export async function runMain(
  words: readonly string[],
  {
    env,
    isTerminal = false,
    person = { userName: undefined, project: undefined },
    onEvery,
    onSleep,
    ask,
    display,
    onPrint,
  }: RunOptions,
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const slept: number[] = [];
  const controller = new AbortController();
  let now = 0;
  const io: Io = {
    async stdout(text) {
      out.push(text);
      onPrint?.(out.join(''), () => controller.abort());
    },
    stderr: (text) => void err.push(text),
    isTerminal,
    display,
    signal: controller.signal,
    person: () => person,
    ask,
    every: (_ms, call) => {
      onEvery?.(call);
      return () => {};
    },
    clock: {
      now: () => now,
      sleep: async (ms) => {
        now += ms;
        slept.push(ms);
        await onSleep?.(() => controller.abort());
        controller.signal.throwIfAborted();
      },
    },
  };
  const code = await main(words, env, io);
  return { code, stdout: out.join(''), stderr: err.join(''), slept };
}

/** A one-off job as the service answers it; one named change at a time. */
export function makeJob(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    name: 'test-job',
    cmd: './run.sh',
    imagename: 'python3.11',
    image: 'python3.11',
    image_state: 'stable',
    filelog: true,
    filelog_stdout: '/data/project/quick/test-job.out',
    filelog_stderr: '/data/project/quick/test-job.err',
    emails: 'none',
    mount: 'all',
    memory: '0.5Gi',
    cpu: '0.1',
    status_short: 'Running for 3s',
    status_long: "Last run at 2026-01-01T00:00:00Z. Pod in 'Running' phase. State 'running'.",
    job_type: 'one-off',
    status: makeStatus('running'),
    retry: 0,
    ...changes,
  };
}

export function makeStatus(short: string): Record<string, unknown> {
  return { short, duration: '3s', up_to_date: true, messages: [] };
}

export const noMessages = { info: [], warning: [], error: [] };

/**
 * What every request passes before routing, in this order: identity and form, the tool's share. Refusals are answered here
 * and are the same whatever the path; only what is let through has a Visit.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type AppError, toAppError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Caller } from '../identify.ts';
import type { Limiter } from '../limits.ts';
import { type Dialect, refuse } from '../respond.ts';
import type { Connections } from './connections.ts';
import { guardRequest, type IdentityHeaders } from './guard.ts';
import type { QuietLog } from './quiet-log.ts';

/** What operators may want to count. */
export interface Observer {
  /** @param route the pattern, e.g. `/v1/tool/:tool/jobs`; `none` where no route was found */
  answered(route: string, method: string, status: number, seconds: number): void;
  /** A request or connection turned away before routing; `code` is an error code or `connection.capped`. */
  refused(code: string): void;
}

export interface AdmissionOptions {
  readonly identityHeaders: IdentityHeaders;
  identify(request: IncomingMessage): Caller;
  readonly connections: Connections;
  readonly limiter: Limiter;
  dialectOf(url: string): Dialect;
  readonly observer: Observer;
  readonly log: Log;
  readonly quietLog: QuietLog;
}

const visitKey = Symbol('visit');
type VisitedRequest = IncomingMessage & { [visitKey]?: Visit };

/** One admitted request. Its place among the tool's requests is kept until the answer has left and the handler has settled. */
export class Visit {
  /** Ours, never the client's: in the answer, in every line of the log about it, and in the words of a failure on our side. */
  readonly id: string;
  readonly caller: Caller;
  readonly startedAtMs = performance.now();
  route = 'none';
  #holds = 1;
  readonly #leave: () => void;

  constructor(id: string, caller: Caller, leave: () => void) {
    this.id = id;
    this.caller = caller;
    this.#leave = leave;
  }

  hold(): void {
    this.#holds++;
  }

  drop(): void {
    if (--this.#holds === 0) this.#leave();
  }

  /** Gives the place back now, for a request that only waits from here on. */
  release(): void {
    this.#leave();
  }
}

/** The visit of a request that was let through; any other has none, and asking for it is a defect. */
export function visitOf(request: IncomingMessage): Visit {
  const visit = (request as VisitedRequest)[visitKey];
  if (!visit) throw new Error('a request reached a handler without being admitted');
  return visit;
}

/** Puts the door before a listener. */
export function createAdmission(options: AdmissionOptions): (handle: RequestListener) => RequestListener {
  const { connections, limiter } = options;

  function identified(request: IncomingMessage): Caller {
    // Over TLS who calls is known without reading a header; behind a front it stands in headers, so these are checked first.
    if (options.identityHeaders === 'refuse') {
      const caller = options.identify(request);
      guardRequest(request, options.identityHeaders);
      return caller;
    }
    guardRequest(request, options.identityHeaders);
    return options.identify(request);
  }

  function turnAway(id: string, request: IncomingMessage, response: ServerResponse, error: AppError): void {
    options.observer.refused(error.code);
    if (error.code === 'internal') options.log.error({ request: id, err: error }, 'a request failed before routing');
    else
      options.quietLog.warn(
        error.code,
        { request: id, why: error.cause ?? error.message, from: request.socket.remoteAddress },
        'request refused',
      );
    if (response.headersSent) response.destroy();
    else if (!refuse(response, options.dialectOf(request.url ?? '/'), error, id)) connections.endAfter(response);
  }

  function report(visit: Visit, { method = '' }: IncomingMessage, { statusCode }: ServerResponse): void {
    const seconds = (performance.now() - visit.startedAtMs) / 1000;
    options.observer.answered(visit.route, method, statusCode, seconds);
    options.log.debug(
      { request: visit.id, tool: visit.caller.tool.name, method, route: visit.route, status: statusCode, seconds },
      'request',
    );
  }

  return (handle) => (request, response) => {
    let visit: Visit | undefined;
    let giveUp: (() => void) | undefined;
    const state = connections.begin(request, response, () => {
      giveUp?.();
      visit?.drop();
      if (visit) report(visit, request, response);
    });
    if (state === 'ignore') return;
    const id = randomUUID();
    try {
      const caller = identified(request);
      const start = (leave: () => void) => {
        visit = new Visit(id, caller, leave);
        (request as VisitedRequest)[visitKey] = visit;
        try {
          handle(request, response);
        } catch (error) {
          turnAway(id, request, response, toAppError(error));
        }
      };
      giveUp = limiter.enter(caller.tool.name, start, (error) => turnAway(id, request, response, error));
    } catch (error) {
      turnAway(id, request, response, toAppError(error));
    }
  };
}

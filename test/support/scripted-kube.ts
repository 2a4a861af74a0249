/**
 * A connection on which a test plays the other side by hand: it takes each request as it comes and says what becomes of it.
 * It knows nothing of Kubernetes and answers nothing by itself.
 */
import type { Kube, KubeRequest } from '../../src/kube.ts';

/** A request that waits for its answer. */
export interface Asked<Answer> {
  readonly request: KubeRequest;
  answer(value: Answer): void;
  fail(error: unknown): void;
}

export interface ScriptedKube extends Pick<Kube, 'request' | 'stream'> {
  /** The next request(), made already or still to come; in order. */
  nextRequest(): Promise<Asked<unknown>>;
  /** The next stream(). */
  nextStream(): Promise<Asked<ScriptedBody>>;
  /** Requests made that nobody has taken with nextRequest() yet. */
  readonly waitingRequests: number;
  readonly waitingStreams: number;
}

export function createScriptedKube(): ScriptedKube {
  const requests = createLine<Asked<unknown>>();
  const streams = createLine<Asked<ScriptedBody>>();
  return {
    request: (request) => ask(requests, request),
    async stream(request) {
      const body = await ask(streams, request);
      request.signal?.addEventListener('abort', () => body.cut(request.signal?.reason));
      return body;
    },
    nextRequest: requests.take,
    nextStream: streams.take,
    get waitingRequests() {
      return requests.length;
    },
    get waitingStreams() {
      return streams.length;
    },
  };
}

function ask<Answer>(line: Line<Asked<Answer>>, request: KubeRequest): Promise<Answer> {
  const { signal } = request;
  let abort = () => {};
  const answered = new Promise<Answer>((resolve, reject) => {
    abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort);
    line.put({ request, answer: resolve, fail: reject });
  });
  return answered.finally(() => signal?.removeEventListener('abort', abort));
}

export interface ScriptedBody extends AsyncIterable<Uint8Array> {
  /** A piece as it would come off the wire: bytes as they are, text in UTF-8, anything else as one line of JSON. */
  send(piece: unknown): void;
  end(): void;
  /** The connection breaks after what was sent. */
  cut(error?: unknown): void;
}

export function createBody(): ScriptedBody {
  const pieces = createLine<() => IteratorResult<Uint8Array>>();
  return {
    send: (piece) => pieces.put(() => ({ done: false, value: bytesOf(piece) })),
    end: () => pieces.put(() => ({ done: true, value: undefined })),
    cut: (error = new Error('cut')) =>
      pieces.put(() => {
        throw error;
      }),
    [Symbol.asyncIterator]: () => ({
      async next() {
        return (await pieces.take())();
      },
    }),
  };
}

function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  return Buffer.from(typeof piece === 'string' ? piece : `${JSON.stringify(piece)}\n`);
}

interface Line<Item> {
  put(item: Item): void;
  take(): Promise<Item>;
  readonly length: number;
}

function createLine<Item>(): Line<Item> {
  const items: Item[] = [];
  const takers: ((item: Item) => void)[] = [];
  return {
    put(item) {
      const taker = takers.shift();
      if (taker) taker(item);
      else items.push(item);
    },
    take() {
      const item = items.shift();
      return item === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(item);
    },
    get length() {
      return items.length;
    },
  };
}

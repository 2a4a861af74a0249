/**
 * The connections of one listener: caps per source address, which requests are under way, and how connections end when the
 * daemon stops.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Defaults hold for the open network; tests and benches come from one address and raise them. */
export interface ConnectionLimits {
  readonly total: number;
  readonly perAddress: number;
  readonly requestsPerConnection: number;
  readonly handshakeMs: number;
  readonly headersMs: number;
  /** Headers and body together. */
  readonly requestMs: number;
  /** How often the two before are looked at. */
  readonly checkEveryMs: number;
  readonly keepAliveMs: number;
  /** Silence in both directions while an answer is owed or being read. */
  readonly silenceMs: number;
}

export const defaultConnectionLimits: ConnectionLimits = {
  total: 2000,
  perAddress: 64,
  requestsPerConnection: 1000,
  handshakeMs: 5000,
  headersMs: 10_000,
  requestMs: 30_000,
  checkEveryMs: 1000,
  keepAliveMs: 30_000,
  silenceMs: 120_000,
};

/** nginx keeps its side of a connection for 60 s and must be the one to close it, or requests cross with the end. */
export const frontConnectionLimits: ConnectionLimits = {
  ...defaultConnectionLimits,
  perAddress: Number.POSITIVE_INFINITY,
  requestsPerConnection: Number.POSITIVE_INFINITY,
  keepAliveMs: 75_000,
};

export interface Connections {
  /**
   * Every request before it is looked at.
   * @param onEnd called once, when the answer has left or the connection is gone
   * @returns what is to become of the request. `ignore`: its connection is about to close, because an earlier request was refused, or because
   *   this one did not wait for the answer before it; whoever sends such a request has to expect that it is not read (RFC 9112 9.3.2).
   */
  begin(request: IncomingMessage, response: ServerResponse, onEnd: () => void): 'look' | 'ignore';
  /** Nothing that follows on this connection is to be read. */
  endAfter(response: ServerResponse): void;
  /** No more keep-alive: idle connections close now, others after the answer they owe. */
  startClosing(): void;
  destroyAll(): void;
}

/** One connection; TLS sockets share the state of the socket below them. */
interface State {
  readonly socket: Socket;
  isEnding: boolean;
  requests: number;
  /** Requests without their end yet: one, or two while an answer is on its way out. */
  readonly exchanges: Set<Exchange>;
}

interface Exchange {
  readonly response: ServerResponse;
  end(): void;
}

/**
 * @param isTls whether the server speaks TLS; its requests then come on other socket objects than its connections
 * @param onDropped called for each connection over the cap of its address
 */
export function trackConnections(
  server: Server,
  isTls: boolean,
  { perAddress, requestsPerConnection }: ConnectionLimits,
  onDropped: (address: string) => void,
): Connections {
  const states = new Set<State>();
  const byPeer = new Map<string, State>();
  const bySocket = new WeakMap<Socket, State>();
  const countByAddress = new Map<string, number>();
  let isClosing = false;

  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (countByAddress.get(address) ?? 0) + 1;
    if (isTls && count > perAddress) {
      onDropped(address);
      socket.destroy();
      return;
    }
    const state: State = { socket, isEnding: false, requests: 0, exchanges: new Set() };
    const peer = peerOf(socket);
    countByAddress.set(address, count);
    states.add(state);
    if (isTls) byPeer.set(peer, state);
    else bySocket.set(socket, state);
    socket.once('close', () => {
      states.delete(state);
      if (byPeer.get(peer) === state) byPeer.delete(peer);
      const left = (countByAddress.get(address) ?? 1) - 1;
      if (left > 0) countByAddress.set(address, left);
      else countByAddress.delete(address);
    });
  });

  server.on('secureConnection', (socket: TLSSocket) => {
    const state = byPeer.get(peerOf(socket));
    if (!state || isClosing) socket.destroy();
    else bySocket.set(socket, state);
  });

  /** Ends connections that owe no answer now, and the others with the answer they owe. */
  function endIdle(): void {
    for (const state of states) {
      for (const { response } of state.exchanges) response.shouldKeepAlive = false;
      if (state.exchanges.size === 0) state.socket.destroySoon();
    }
  }

  return {
    begin({ socket }, response, onEnd) {
      const state = bySocket.get(socket);
      if (!state || state.isEnding) return 'ignore';
      for (const { response: earlier } of state.exchanges) {
        if (earlier.writableEnded) continue;
        state.isEnding = true;
        earlier.shouldKeepAlive = false;
        return 'ignore';
      }
      const exchange: Exchange = {
        response,
        end() {
          if (!state.exchanges.delete(exchange)) return;
          if (state.isEnding) socket.destroySoon();
          onEnd();
        },
      };
      state.exchanges.add(exchange);
      response.once('close', exchange.end);
      // Node's own maxRequestsPerSocket only asks the client to close, and answers 503 from then on to those that do not.
      state.requests++;
      if (state.requests === requestsPerConnection) state.isEnding = true;
      if (isClosing || state.isEnding) response.shouldKeepAlive = false;
      return 'look';
    },

    endAfter({ req: { socket } }) {
      const state = bySocket.get(socket);
      if (state) state.isEnding = true;
    },

    startClosing() {
      isClosing = true;
      endIdle();
    },

    destroyAll() {
      for (const { socket } of states) socket.destroy();
    },
  };
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

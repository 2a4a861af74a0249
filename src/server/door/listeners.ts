/** Node's servers as this house sets them up: TLS, HTTP limits, ports. Knows no routes and no identity. */
import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { createServer as createHttpServer, type ServerOptions as HttpOptions, type Server } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext, type SecureContextOptions, TLSSocket } from 'node:tls';
import { AppError } from '../../errors.ts';
import { untrusted } from '../identify.ts';
import { type Dialect, rawError, rawRefusal } from '../respond.ts';
import { type ConnectionLimits, frontConnectionLimits } from './connections.ts';
import { requestSizes } from './guard.ts';
import type { QuietLog } from './quiet-log.ts';

/** PEM texts. */
export interface SecureContext {
  readonly cert: string;
  readonly key: string;
  /** The authorities that issue clients' certificates. */
  readonly clientCa: string;
}

/** @throws AppError `settings.invalid` when the texts cannot be used */
export function contextOptions({ cert, key, clientCa }: SecureContext): SecureContextOptions {
  const options = {
    cert,
    key,
    ca: clientCa,
    minVersion: 'TLSv1.2',
    // A resumed session keeps an identity past its end; a renegotiated one changes it under way.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
  } as const;
  try {
    createSecureContext(options);
    // A key that is empty, as that of a file being written, is taken for none: every handshake would fail.
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) throw new Error('the key is another one');
  } catch (cause) {
    throw new AppError(
      'settings.invalid',
      'The certificate, the key or the client CA of the listener cannot be used.',
      { cause },
    );
  }
  return options;
}

/** @throws AppError `settings.invalid` */
export function createTlsServer(context: SecureContext, limits: ConnectionLimits): HttpsServer {
  return createHttpsServer({
    ...httpOptions(limits),
    ...contextOptions(context),
    maxHeaderSize: requestSizes.headerBytes,
    handshakeTimeout: limits.handshakeMs,
    requestCert: true,
    // A connection without a good certificate is let in as far as the answer that says so.
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  });
}

export function createFrontServer(): Server {
  return createHttpServer({ ...httpOptions(frontConnectionLimits), maxHeaderSize: requestSizes.frontHeaderBytes });
}

function httpOptions(limits: ConnectionLimits): HttpOptions {
  return {
    insecureHTTPParser: false,
    // guard.ts asks for it: Node's own answer would leave a request behind it to be read.
    requireHostHeader: false,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    keepAliveTimeout: limits.keepAliveMs,
  };
}

/** What cannot be an option of the constructor. */
export function applyLimits(server: Server, limits: ConnectionLimits, quietLog: QuietLog): void {
  server.maxHeadersCount = requestSizes.nodeHeaderLines;
  server.maxConnections = limits.total;
  server.setTimeout(limits.silenceMs);
  // For example when no file descriptor is left for a new connection.
  server.on('error', (error: NodeJS.ErrnoException) =>
    quietLog.warn('connection.accept', { why: error.code ?? error.message }, 'a listener failed'),
  );
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    quietLog.warn(
      'connection.tls',
      { why: error.code ?? error.message, from: socket.remoteAddress },
      'TLS handshake failed',
    );
  });
}

/** Bytes that never became a request: one fixed answer, then the end. @param dialect of an answer that has words */
export function refuseBytes(
  error: NodeJS.ErrnoException,
  socket: Socket & { _httpMessage?: unknown },
  quietLog: QuietLog,
  dialect: Dialect,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  quietLog.warn(
    'connection.bytes',
    { why: error.code, from: socket.remoteAddress },
    'a connection sent what cannot be read',
  );
  // An answer half written must not get a second one behind it.
  if (socket._httpMessage) {
    socket.destroy();
    return;
  }
  // OpenSSL reports a false signature on the client's certificate a second time, as a failure to read, when TLS 1.2 is spoken.
  const isUntrusted = error.code?.startsWith('ERR_SSL_') && socket instanceof TLSSocket && !socket.authorized;
  socket.write(isUntrusted ? rawError(dialect, untrusted(error.code)) : rawRefusal(error.code));
  socket.destroySoon();
}

/**
 * @returns the URL with the real port, e.g. `https://127.0.0.1:8443`
 * @throws AppError `settings.invalid` when the port cannot be had
 */
export async function listenOnPort(server: Server, scheme: string, address: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(new AppError('settings.invalid', `Cannot listen on ${address} port ${port}.`, { cause }));
    server.once('error', fail);
    server.listen(port, address, () => {
      server.off('error', fail);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  return `${scheme}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

/** Resolves when no connection is left, also for a server that never listened. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

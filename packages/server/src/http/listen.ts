/** A listener: a node:http server with bounds on everything a stranger can stretch, and an end that loses no request. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type FaultCode, type Problem, problem } from './problem.ts';
import { newRequestId } from './request-id.ts';
import { problemText, sendProblem } from './send.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface ListenOptions {
  readonly handler: Handler;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Hears of every error that became a 500. Must not throw. */
  readonly onError: (error: unknown) => void;
  readonly limits?: Partial<ListenLimits>;
}

export interface ListenLimits {
  readonly maxHeaderBytes: number;
  /** Until the header section is here. */
  readonly headersTimeoutMs: number;
  /** Until the whole request is here; 0: the handler bounds its bodies itself. */
  readonly requestTimeoutMs: number;
  /** Silence between two requests of a connection. */
  readonly keepAliveTimeoutMs: number;
  readonly maxRequestsPerConnection: number;
  /**
   * Requests that may wait on a connection for the answer to the one before: they arrive far faster than they are answered,
   * and each takes memory. A connection that sends more is cut.
   */
  readonly maxPipelinedRequests: number;
  /** How often the timeouts are looked at. */
  readonly checkEveryMs: number;
}

export const LISTEN_LIMITS: ListenLimits = Object.freeze({
  maxHeaderBytes: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000,
  maxRequestsPerConnection: 100_000,
  maxPipelinedRequests: 64,
  checkEveryMs: 1_000,
});

export interface Listener {
  readonly port: number;
  /**
   * Stops accepting, lets running requests end for so long, then cuts them. Answers given meanwhile say
   * `Connection: close`. Resolves when no connection is left.
   */
  close(graceMs: number): Promise<void>;
}

/** Resolves when the port is bound; rejects where it cannot be. */
export function listen(options: ListenOptions): Promise<Listener> {
  const limits = Object.freeze({ ...LISTEN_LIMITS, ...options.limits });
  const connections = new Set<Socket>();
  /** The latest request of each connection, as long as it is not answered. */
  const latest = new Map<Duplex, ServerResponse>();
  /** Requests of each connection that wait for the one before them. */
  const waiting = new WeakMap<Duplex, number>();
  const state = { closing: false };
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    insecureHTTPParser: false,
    // The edge requires it of every version of HTTP, and answers as we answer.
    requireHostHeader: false,
    joinDuplicateHeaders: false,
  });
  server.maxRequestsPerSocket = limits.maxRequestsPerConnection;
  // Node would drop fields over a count without a word; the edge counts them and refuses.
  server.maxHeadersCount = 0;

  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    // What one read brought is parsed to its end, also after the connection was cut.
    if (socket.destroyed) return;
    const before = latest.get(socket);
    const ahead = before === undefined ? 0 : (waiting.get(socket) ?? 0) + 1;
    if (ahead > limits.maxPipelinedRequests) {
      socket.destroy();
      return;
    }
    waiting.set(socket, ahead);
    latest.set(socket, response);
    response.on('close', () => {
      if (latest.get(socket) === response) latest.delete(socket);
    });
    if (state.closing) response.shouldKeepAlive = false;
    // Pipelined requests take turns, so that what follows a write sees it done (RFC 9112 section 9.3.2), and one connection
    // has one request running.
    if (before === undefined) run(options, request, response);
    else
      before.once('close', () => {
        waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
        // A connection that died has nobody to answer, and its waiting requests never close.
        if (socket.destroyed) latest.delete(socket);
        else run(options, request, response);
      });
  };
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', serve);
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    // The body is asked for when somebody wants to read it, so that a refused one is not sent (RFC 9110 section 10.1.1).
    request.once('resume', () => {
      if (!response.headersSent && !response.destroyed) response.writeContinue();
    });
    serve(request, response);
  });
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    sendProblem(response, problem('expectation_failed'), { requestId: newRequestId() });
  });
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    answerRaw(
      socket,
      problem('method_not_allowed', { headers: { Allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' } }),
    );
  });
  server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(latest.get(socket))) socket.destroy();
    else answerRaw(socket, problem(FAULT_OF_PARSER[error.code ?? ''] ?? 'invalid_request'));
  });
  return bound(server, options).then((port) => ({
    port,
    close: (graceMs) => drain(server, { connections, latest, state, graceMs }),
  }));
}

function run({ handler, onError }: ListenOptions, request: IncomingMessage, response: ServerResponse): void {
  const fail = (error: unknown): void => {
    onError(error);
    // Half an answer must not look like a whole one.
    if (response.headersSent) response.destroy();
    else sendProblem(response, problem('internal'), { requestId: newRequestId() });
  };
  try {
    const done = handler(request, response);
    if (done instanceof Promise) done.catch(fail);
  } catch (error) {
    fail(error);
  }
}

/** Codes of Node and its parser; every other one is a malformed request. */
const FAULT_OF_PARSER: Readonly<Record<string, FaultCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** Whether bytes written to the connection now would land inside or before the answer to another request. */
function isAnswering(response: ServerResponse | undefined): boolean {
  return response !== undefined && (response.headersSent || response.req.complete);
}

/** Answers where there is no ServerResponse, and closes: what follows on the connection cannot be understood. */
function answerRaw(socket: Duplex, refusal: Problem): void {
  const requestId = newRequestId();
  const body = problemText(refusal, requestId);
  const more = Object.entries(refusal.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${refusal.status} ${REASON[refusal.status] ?? 'Bad Request'}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${body.length}\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ${requestId}\r\n` +
      `Cache-Control: no-store\r\n${more.join('')}Connection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

const REASON: Readonly<Record<number, string>> = {
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
};

function bound(server: Server, { host, port }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

interface Draining {
  readonly connections: ReadonlySet<Socket>;
  readonly latest: ReadonlyMap<Duplex, ServerResponse>;
  readonly state: { closing: boolean };
  readonly graceMs: number;
}

/** A connection that was just made may have its first request on the way; one that stays silent for so long does not. */
const UNUSED_MS = 500;

function drain(server: Server, { connections, latest, state, graceMs }: Draining): Promise<void> {
  state.closing = true;
  for (const response of latest.values()) response.shouldKeepAlive = false;
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    const cutUnused = setTimeout(() => {
      for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
    }, UNUSED_MS);
    server.close(() => {
      clearTimeout(cut);
      clearTimeout(cutUnused);
      resolve();
    });
  });
}

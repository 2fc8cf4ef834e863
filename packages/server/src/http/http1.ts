/** HTTP/1.1 on connections that a listener accepted: node:http, with bounds on everything a stranger can stretch. */
import type { Buffer } from 'node:buffer';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { newRequestId } from '@tessera/verify';
import { Connections } from './connections.ts';
import { METHODS } from './edge.ts';
import type { ListenLimits, ListenOptions, UpgradingHandler } from './listen-options.ts';
import { problem } from './problem.ts';
import { answerRaw, problemOfParser } from './raw-answer.ts';
import { run } from './run-handler.ts';
import { sendProblem } from './send.ts';
import { responseOn } from './upgraded.ts';

export interface Http1 {
  readonly server: Server;
  /** Serves a connection that another server accepted. */
  adopt(socket: Socket): void;
  /** From now on every answer is the last one of its connection, and says so. */
  lastAnswers(): void;
  /** Closes those of the adopted connections that are idle. */
  end(): void;
}

export function http1(options: Pick<ListenOptions, 'handler' | 'onError' | 'mayUpgrade'>, limits: ListenLimits): Http1 {
  const connections = new Connections();
  let closing = false;
  let tracking = false;
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
    // Behind a request that is not answered yet, bytes of the new protocol would run into its answer.
    shouldUpgradeCallback: (request: IncomingMessage) =>
      connections.of(request.socket).latest === undefined && options.mayUpgrade?.(request) === true,
  });
  server.maxRequestsPerSocket = limits.maxRequestsPerConnection;
  // Node would drop fields over a count without a word; the edge counts them and refuses.
  server.maxHeadersCount = 0;

  // Nothing was sent or taken for so long. An answer may be silent for longer, but not unread; between two requests it is the
  // time of keep-alive that is over.
  server.setTimeout(limits.unreadTimeoutMs, (socket: Socket) => {
    if (socket.writableLength > 0 || connections.of(socket).latest === undefined) socket.destroy();
  });

  const serve = (request: IncomingMessage, response: ServerResponse, runs: Running = options): void => {
    const { socket } = request;
    // What one read brought is parsed to its end, also after the connection was cut.
    if (socket.destroyed) return;
    const connection = connections.of(socket);
    const before = connection.latest;
    if (before !== undefined) connection.waiting += 1;
    if (connection.waiting > limits.maxPipelinedRequests) {
      socket.destroy();
      return;
    }
    connection.latest = response;
    response.on('close', () => {
      if (connection.latest === response) connection.latest = undefined;
    });
    if (closing) response.shouldKeepAlive = false;
    // Pipelined requests take turns, so that what follows a write sees it done (RFC 9112 section 9.3.2), and one connection
    // has one request running.
    if (before === undefined) run(runs, request, response);
    else
      before.once('close', () => {
        connection.waiting -= 1;
        // A connection that died has nobody to answer, and its waiting requests never close.
        if (socket.destroyed) connection.latest = undefined;
        else run(runs, request, response);
      });
  };
  server.on('request', serve);
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    // The body is asked for when somebody wants to read it, so that a refused one is not sent (RFC 9110 section 10.1.1).
    request.once('resume', () => {
      if (!response.headersSent && !response.destroyed) response.writeContinue();
    });
    serve(request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, early: Buffer) => {
    const connection = socket as Socket;
    const response = responseOn(request, { connection, early, unreadTimeoutMs: limits.unreadTimeoutMs });
    serve(request, response, withConnection(options, connection));
  });
  const refusing: Running = { ...options, handler: refuseExpectation };
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response, refusing);
  });
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
    // The parser has let go of the connection: the client would take this for the answer to the request before.
    if (connections.of(socket).latest !== undefined) socket.destroy();
    else answerRaw(socket, problem('method_not_allowed', { headers: { Allow: METHODS } }));
  });
  server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(connections.of(socket).latest)) socket.destroy();
    else answerRaw(socket, problemOfParser(error.code));
  });
  return {
    server,
    adopt(socket) {
      // Only then does node:http look for what has come too slowly.
      if (!tracking) server.emit('listening');
      tracking = true;
      server.emit('connection', socket);
    },
    lastAnswers() {
      closing = true;
      for (const { latest } of connections) if (latest !== undefined) latest.shouldKeepAlive = false;
    },
    end() {
      if (tracking) server.close();
    },
  };
}

type Running = Pick<ListenOptions, 'handler' | 'onError'>;

const refuseExpectation: UpgradingHandler = (_request, response) =>
  sendProblem(response, problem('expectation_failed'), { requestId: newRequestId() });

function withConnection({ handler, onError }: Running, connection: Socket): Running {
  const upgrading: UpgradingHandler = (request, response) => handler(request, response, connection);
  return { handler: upgrading, onError };
}

/** Whether bytes written to the connection now would land inside or before the answer to another request. */
function isAnswering(response: ServerResponse | undefined): boolean {
  return response !== undefined && (response.headersSent || response.req.complete);
}

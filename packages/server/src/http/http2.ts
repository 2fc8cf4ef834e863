/** HTTP/2 on TLS connections: the same handler, and a bound for everything a session can stretch. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { newRequestId } from '@tessera/verify';
import { type Arrival, tellArrival } from './arrival.ts';
import { headOf, type ReadHead } from './http2-head.ts';
import { Http2Request, reset, type StreamConnection } from './http2-request.ts';
import { Http2Response } from './http2-response.ts';
import type { ListenLimits, ListenOptions } from './listen-options.ts';
import { type Problem, problem } from './problem.ts';
import { run } from './run-handler.ts';
import { sendProblem } from './send.ts';

export interface Http2 {
  /** Takes over a connection that agreed on `h2`. */
  serve(socket: TLSSocket, arrival: Arrival): void;
  /** Tells every client that no further request will be answered (GOAWAY), and lets those that run end. */
  lastAnswers(): void;
}

/** A client that heard GOAWAY and does not close is not waited for longer. */
const LINGER_MS = 1_000;

export function http2(options: Pick<ListenOptions, 'handler' | 'onError'>, limits: ListenLimits): Http2 {
  const sessions = new Set<ServerHttp2Session>();
  let closing = false;
  return {
    serve(socket, arrival) {
      // Gone with the connection, and asked for with every request.
      const { remoteAddress } = socket;
      const session = performServerHandshake(socket, sessionOptions(limits));
      sessions.add(session);
      const end = (): void => {
        session.close();
        setTimeout(() => socket.destroy(), LINGER_MS).unref();
      };
      let open = 0;
      let served = 0;
      // Counts silence from the last request on, and not from the last frame: pings and halves of requests keep nothing alive.
      let idle = setTimeout(end, limits.headersTimeoutMs);
      session.on('stream', (stream, _headers, _flags, rawHeaders) => {
        open += 1;
        served += 1;
        clearTimeout(idle);
        stream.once('close', () => {
          open -= 1;
          if (open === 0 && !session.closed) idle = setTimeout(end, limits.keepAliveTimeoutMs);
        });
        if (served === limits.maxRequestsPerConnection) session.close();
        answer(stream, rawHeaders as readonly string[], { ...options, ...limits, arrival, remoteAddress });
      });
      // The client broke the protocol, or went away: the session is over, and nobody is left to tell.
      session.on('error', () => socket.destroy());
      if (closing) session.close();
      session.on('close', () => {
        clearTimeout(idle);
        sessions.delete(session);
      });
    },
    lastAnswers() {
      closing = true;
      for (const session of sessions) session.close();
    },
  };
}

/** Frames of every kind are bounded, by count or by memory; a session that exceeds a bound is ended. */
function sessionOptions({ maxHeaderBytes, maxStreams }: ListenLimits) {
  return {
    settings: {
      maxConcurrentStreams: maxStreams,
      maxHeaderListSize: maxHeaderBytes,
      enablePush: false,
      enableConnectProtocol: false,
    },
    maxHeaderListPairs: MAX_FIELDS,
    // Megabytes, of all streams, header sections and frames that wait.
    maxSessionMemory: 10,
    maxSettings: 32,
    maxOutstandingPings: 10,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    // CVE-2023-44487: so many resets at once, and then so many a second. A browser that leaves a page resets all its requests.
    streamResetBurst: 200,
    streamResetRate: 33,
    // What an upstream says twice is passed on twice, as over HTTP/1.1.
    strictSingleValueFields: false,
  };
}

/** The edge refuses more than 200 in our words; nghttp2 cuts what is far beyond, pseudo-header fields included. */
const MAX_FIELDS = 256;

interface Answering
  extends Pick<ListenOptions, 'handler' | 'onError'>,
    Pick<ListenLimits, 'unreadTimeoutMs' | 'maxHeaderBytes'> {
  readonly arrival: Arrival;
  readonly remoteAddress: string | undefined;
}

function answer(stream: ServerHttp2Stream, rawHeaders: readonly string[], answering: Answering): void {
  // Whatever breaks a stream closes it, and request and response hear of that.
  stream.on('error', () => {});
  const head = headOf(rawHeaders, stream.endAfterHeaders);
  const connection = connectionOf(stream, answering.remoteAddress);
  tellArrival(connection, answering.arrival);
  const request = new Http2Request(stream, head, connection);
  const response = new Http2Response(stream, request, answering.unreadTimeoutMs);
  if (head.expects === 'continue')
    request.once('resume', () => {
      if (!response.destroyed) response.writeContinue();
    });
  // The doors use what the two classes have in common with those of HTTP/1.1, and nothing else.
  const spoken = response as unknown as ServerResponse;
  const refusal = refusalOf(head, answering);
  if (refusal !== undefined) sendProblem(spoken, refusal, { requestId: newRequestId() });
  else run(answering, request as unknown as IncomingMessage, spoken);
}

function refusalOf({ bytes, expects, fault }: ReadHead, { maxHeaderBytes }: Answering): Problem | undefined {
  if (bytes > maxHeaderBytes) return problem('headers_too_large');
  if (expects === 'other') return problem('expectation_failed');
  return fault === undefined ? undefined : problem('invalid_request', { detail: fault });
}

function connectionOf(stream: ServerHttp2Stream, remoteAddress: string | undefined): StreamConnection {
  const connection = {
    get remoteAddress() {
      return remoteAddress;
    },
    get destroyed() {
      return stream.destroyed;
    },
    destroy() {
      reset(stream);
      return connection;
    },
    resetAndDestroy() {
      reset(stream);
      return connection;
    },
  } as StreamConnection;
  return connection;
}

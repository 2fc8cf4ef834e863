/** Step 5, routing: the accepted request goes to its upstream, and the answer back, as they come. */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Bounds } from '../core/compiled-bounds.ts';
import type { LiveCall } from '../core/live-calls.ts';
import { cutOff } from '../http/cut-off.ts';
import { discardRest } from '../http/discard-rest.ts';
import type { Incoming } from '../http/edge.ts';
import { type FaultCode, type Problem, problem } from '../http/problem.ts';
import { type FlatFields, sendProblem } from '../http/send.ts';
import { type AnswerChanges, clientFields } from './client-fields.ts';
import { switched } from './switched.ts';
import type { Tunnel } from './tunnel.ts';
import { UploadError, upload } from './upload.ts';
import { refusalOf } from './upstreams/refusal.ts';
import { Tries } from './upstreams/tries.ts';
import type { Upstream } from './upstreams/upstream.ts';
import type { Handshake } from './websocket.ts';

/** Interim answers (1xx) that an upstream may send before the real one. They are not passed on. */
const MAX_INTERIM = 16;

export interface Forwarding {
  readonly upstream: Upstream;
  /** Path and query. */
  readonly target: string;
  readonly fields: FlatFields;
  /** Longest that a client may be silent inside its body, or leave an answer that waits for it unread, in milliseconds. */
  readonly uploadStallMs: number;
  readonly bounds: Bounds;
  readonly rates: FlatFields;
  /** Further fields of an answer of our own; the rates are among them. */
  readonly ofRefusal: FlatFields;
  readonly changes: AnswerChanges;
  /** Of a request for a WebSocket: what the answer must match. */
  readonly webSocket: Handshake | undefined;
  /** Longest silence of a tunnel, in milliseconds. */
  readonly tunnelIdleMs: number;
  /** Follows the call as long as it lasts; `cut` ends it with a refusal, or by cutting where the answer has begun. */
  readonly follow: (cut: (refusal: Problem) => void) => LiveCall;
  /** Hears why a target (its origin) failed, also where another one answers in the end. Must not throw. */
  readonly onError: (error: Error, target: string) => void;
  /** Called when an answer of an upstream begins. Must not throw. */
  readonly onAnswer: () => void;
  /** Called once, at the end of the exchange, with the status that the client can believe it got. Must not throw. */
  readonly onEnd: (status: number) => void;
}

/** The client went away before the answer was whole; the number is nginx's, as there is none in the registry. */
const CLIENT_CLOSED = 499;
const SWITCHED = 101;
const NONE = -1;
const SHORT_BYTES = 16_384;

/**
 * Sends the request and streams both ways: neither side is read faster than the other takes. Nothing is sent twice: only
 * an idempotent request of which nothing was sent is offered to another target. An answer that breaks off ends the
 * client's connection, so that half an answer is never taken for the whole one.
 */
export function forward(response: ServerResponse, incoming: Incoming, forwarding: Forwarding): void {
  const { upstream, fields, ofRefusal, uploadStallMs, bounds, webSocket, onEnd } = forwarding;
  const { requestId } = incoming;
  // The verdict may have come later than the client was willing to wait.
  if (response.destroyed) {
    onEnd(CLIENT_CLOSED);
    return;
  }
  const picked = upstream.pick();
  if ('none' in picked) {
    const refusal = refusalOf(picked);
    sendProblem(response, refusal, { requestId, more: ofRefusal });
    onEnd(refusal.status);
    return;
  }
  const body = incoming.bodyBytes === 0 ? null : upload(response.req, { stallMs: uploadStallMs, ...bounds });
  const request: Request = {
    path: forwarding.target,
    method: incoming.method,
    headers: fields as string[],
    body,
    headersTimeout: upstream.settings.responseTimeoutMs,
    bodyTimeout: upstream.settings.idleTimeoutMs,
    upgrade: webSocket === undefined ? null : 'websocket',
  };
  const tries = new Tries(upstream, picked);
  picked.dispatcher.dispatch(request, answering(response, { request, requestId, tries }, forwarding));
}

type Request = Dispatcher.DispatchOptions & { readonly body: Readable | null };

interface Sent {
  readonly request: Request;
  readonly requestId: string;
  readonly tries: Tries;
}

function answering(
  response: ServerResponse,
  { request, requestId, tries }: Sent,
  forwarding: Forwarding,
): Dispatcher.DispatchHandler {
  const { rates, ofRefusal, changes, uploadStallMs, onError, onAnswer, onEnd } = forwarding;
  const { body, method } = request;
  let interim = 0;
  /** A short answer that came in one piece goes on in one piece, and only once it is known to be whole. */
  let whole: Uint8Array | undefined;
  let wholeLength = NONE;
  let status = CLIENT_CLOSED;
  let upstream: Dispatcher.DispatchController | undefined;
  let untaken: NodeJS.Timeout | undefined;
  let tunnel: Tunnel | undefined;
  let refused: Problem | undefined;
  const call = forwarding.follow((refusal) => {
    refused = refusal;
    status = refusal.status;
    if (tunnel !== undefined) tunnel.cut();
    else if (response.headersSent) cutOff(response);
    else upstream?.abort(new UploadError('aborted'));
  });
  response.on('close', () => {
    clearTimeout(untaken);
    call.end();
    if (tunnel !== undefined) tries.ended();
    upstream?.abort(new UploadError('aborted'));
    onEnd(status);
  });
  const failed = (error: Error): void => {
    upstream = undefined;
    const { url } = tries.target;
    const outcome = tries.failed(error);
    if (!response.destroyed && !(error instanceof UploadError)) onError(error, url);
    if (outcome === 'unreachable' && !response.destroyed && refused === undefined) {
      const next = tries.next(method);
      if (next !== undefined) {
        next.dispatcher.dispatch(request, handler);
        return;
      }
    }
    body?.destroy();
    if (response.destroyed) return;
    const refusal = refused ?? problem(faultOf(error));
    status = refusal.status;
    if (response.headersSent) cutOff(response);
    else sendProblem(response, refusal, { requestId, more: ofRefusal });
  };
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(controller) {
      if (response.destroyed || refused !== undefined) return controller.abort(new UploadError('aborted'));
      tries.sending();
      upstream = controller;
    },
    onRequestUpgrade(_controller, _code, headers, socket) {
      upstream = undefined;
      tunnel = switched(response, { ...forwarding, requestId, headers, socket });
      if (tunnel === undefined) return failed(new Error('the upstream changed to another protocol'));
      status = SWITCHED;
      tries.answering(SWITCHED);
      onAnswer();
      call.lasts();
    },
    onResponseStart(controller, code, headers) {
      const coding = headers['transfer-encoding'];
      // The coding ends here, and the client would take what is still coded for the content (RFC 9112 section 6.1).
      if (coding !== undefined && String(coding).toLowerCase() !== 'chunked')
        return controller.abort(new Error('a transfer coding other than chunked'));
      if (code >= 200) {
        tries.answering(code);
        onAnswer();
        const length = headers['content-length'];
        if (length !== undefined) wholeLength = Number(length);
        response.writeHead(code, clientFields(headers, { requestId, rates, changes }));
        // A stream of events begins long before its first event: the client must see the header section now. Writing
        // nothing does that byte for byte; flushHeaders would write it as UTF-8.
        if (length === undefined) response.write('', 'latin1');
        return;
      }
      interim += 1;
      if (code === SWITCHED) controller.abort(new Error('the upstream changed the protocol unasked'));
      else if (interim > MAX_INTERIM) controller.abort(new Error('too many interim answers'));
    },
    onResponseData(controller, chunk) {
      if (chunk.length === wholeLength && wholeLength <= SHORT_BYTES) {
        whole = chunk;
        return;
      }
      // What was read before the pause still comes; one waiter for the end of it is enough.
      if (response.write(chunk) || controller.paused) return;
      controller.pause();
      // A client that reads nothing would keep its connection to the upstream from everybody else.
      untaken = setTimeout(() => response.destroy(), uploadStallMs);
      response.once('drain', () => {
        clearTimeout(untaken);
        controller.resume();
      });
    },
    onResponseEnd() {
      upstream = undefined;
      tries.ended();
      status = response.statusCode;
      response.end(whole);
      // The upstream may have answered before it took the whole body.
      body?.destroy();
      discardRest(response.req);
    },
    onResponseError: (_controller, error) => failed(error),
  };
  return handler;
}

function faultOf(error: Error & { code?: string }): FaultCode {
  if (error instanceof UploadError) return error.reason === 'too_large' ? 'too_large' : 'request_timeout';
  return error.code !== undefined && TIMEOUTS.has(error.code) ? 'upstream_timeout' : 'upstream_failed';
}

const TIMEOUTS: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

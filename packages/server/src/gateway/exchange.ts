/** One request at its upstream, from the first try to the end of the answer: whatever either side does, both hear of it. */
import type { Buffer } from 'node:buffer';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { FlatFields, LiveCall } from '@tessera/verify';
import type { Dispatcher } from 'undici';
import { cutOff } from '../http/cut-off.ts';
import { discardRest } from '../http/discard-rest.ts';
import { type FaultCode, type Problem, problem } from '../http/problem.ts';
import { sendProblem } from '../http/send.ts';
import { type AnswerChanges, clientFields } from './client-fields.ts';
import { switched } from './switched.ts';
import type { Tunnel } from './tunnel.ts';
import { UploadError } from './upload.ts';
import type { Tries } from './upstreams/tries.ts';
import type { Handshake } from './websocket.ts';

/** How the answer reaches the client. */
export interface Answering {
  /** Longest that a client may leave an answer that waits for it unread, in milliseconds. */
  readonly uploadStallMs: number;
  readonly rates: FlatFields;
  /** Further fields of an answer of our own; the rates are among them. */
  readonly ofRefusal: FlatFields;
  readonly changes: AnswerChanges;
  /** Of a request for a WebSocket: what the answer must match. */
  readonly webSocket: Handshake | undefined;
  /** Longest silence of a tunnel, in milliseconds. */
  readonly tunnelIdleMs: number;
  readonly call: ForwardedCall;
}

/** What hears how a request fares. None may throw. */
export interface ForwardedCall {
  /** Follows the call as long as it lasts; `cut` ends it with a refusal, or by cutting where the answer has begun. */
  follow(cut: (refusal: Problem) => void): LiveCall;
  /** Why a target (its origin) failed, also where another one answers in the end. */
  failed(error: Error, target: string): void;
  /** An answer of an upstream begins. */
  answered(): void;
  /** Once, at the end, with the status that the client can believe it got. */
  ended(status: number): void;
}

export type UpstreamRequest = Dispatcher.DispatchOptions & { readonly body: Readable | null };

export interface Sent {
  readonly request: UpstreamRequest;
  readonly requestId: string;
  readonly tries: Tries;
}

/** The client went away before the answer was whole; the number is nginx's, as there is none in the registry. */
export const CLIENT_CLOSED = 499;
const SWITCHED = 101;
/** Interim answers (1xx) that an upstream may send before the real one. They are not passed on. */
const MAX_INTERIM = 16;
const NONE = -1;
const SHORT_BYTES = 16_384;

/** Has a lifetime: made for one request, it hears of undici what the upstream does, and ends when the client's response does. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse;
  readonly #sent: Sent;
  readonly #answering: Answering;
  readonly #live: LiveCall;
  #upstream: Dispatcher.DispatchController | undefined;
  #interim = 0;
  /** A short answer that came in one piece goes on in one piece, and only once it is known to be whole. */
  #whole: Uint8Array | undefined;
  #wholeLength = NONE;
  #status = CLIENT_CLOSED;
  #untaken: NodeJS.Timeout | undefined;
  #tunnel: Tunnel | undefined;
  #refused: Problem | undefined;

  constructor(response: ServerResponse, sent: Sent, answering: Answering) {
    this.#response = response;
    this.#sent = sent;
    this.#answering = answering;
    this.#live = answering.call.follow((refusal) => this.#cut(refusal));
    response.on('close', () => this.#closed());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#response.destroyed || this.#refused !== undefined) {
      controller.abort(new UploadError('aborted'));
      return;
    }
    this.#sent.tries.sending();
    this.#upstream = controller;
  }

  onRequestUpgrade(
    _controller: Dispatcher.DispatchController,
    _code: number,
    headers: IncomingHttpHeaders,
    socket: Duplex,
  ): void {
    const { requestId, tries } = this.#sent;
    this.#upstream = undefined;
    this.#tunnel = switched(this.#response, { ...this.#answering, requestId, headers, socket });
    if (this.#tunnel === undefined) {
      this.#failed(new Error('the upstream changed to another protocol'));
      return;
    }
    this.#status = SWITCHED;
    tries.answering(SWITCHED);
    this.#answering.call.answered();
    this.#live.lasts();
  }

  onResponseStart(controller: Dispatcher.DispatchController, code: number, headers: IncomingHttpHeaders): void {
    const coding = headers['transfer-encoding'];
    // The coding ends here, and the client would take what is still coded for the content (RFC 9112 section 6.1).
    if (coding !== undefined && String(coding).toLowerCase() !== 'chunked')
      controller.abort(new Error('a transfer coding other than chunked'));
    else if (code >= 200) this.#begin(code, headers);
    else this.#pass(controller, code);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (chunk.length === this.#wholeLength && this.#wholeLength <= SHORT_BYTES) {
      this.#whole = chunk;
      return;
    }
    const response = this.#response;
    // What was read before the pause still comes; one waiter for the end of it is enough.
    if (response.write(chunk) || controller.paused) return;
    controller.pause();
    // A client that reads nothing would keep its connection to the upstream from everybody else.
    this.#untaken = setTimeout(() => response.destroy(), this.#answering.uploadStallMs);
    response.once('drain', () => {
      clearTimeout(this.#untaken);
      controller.resume();
    });
  }

  onResponseEnd(): void {
    this.#upstream = undefined;
    const { request, tries } = this.#sent;
    const response = this.#response;
    tries.ended();
    this.#status = response.statusCode;
    response.end(this.#whole);
    // The upstream may have answered before it took the whole body.
    request.body?.destroy();
    discardRest(response.req);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#failed(error);
  }

  #begin(code: number, headers: IncomingHttpHeaders): void {
    const { requestId, tries } = this.#sent;
    const { rates, changes, call } = this.#answering;
    tries.answering(code);
    call.answered();
    const length = headers['content-length'];
    if (length !== undefined) this.#wholeLength = Number(length);
    this.#response.writeHead(code, clientFields(headers, { requestId, rates, changes }));
    // A stream of events begins long before its first event: the client must see the header section now. Writing
    // nothing does that byte for byte; flushHeaders would write it as UTF-8.
    if (length === undefined) this.#response.write('', 'latin1');
  }

  /** Passes over an interim answer. */
  #pass(controller: Dispatcher.DispatchController, code: number): void {
    this.#interim += 1;
    if (code === SWITCHED) controller.abort(new Error('the upstream changed the protocol unasked'));
    else if (this.#interim > MAX_INTERIM) controller.abort(new Error('too many interim answers'));
  }

  #failed(error: Error): void {
    this.#upstream = undefined;
    const { request, requestId, tries } = this.#sent;
    const response = this.#response;
    const { url } = tries.target;
    const outcome = tries.failed(error);
    if (!response.destroyed && !(error instanceof UploadError)) this.#answering.call.failed(error, url);
    if (outcome === 'unreachable' && !response.destroyed && this.#refused === undefined) {
      const next = tries.next(request.method);
      if (next !== undefined) {
        next.dispatcher.dispatch(request, this);
        return;
      }
    }
    request.body?.destroy();
    if (response.destroyed) return;
    const refusal = this.#refused ?? problem(faultOf(error));
    this.#status = refusal.status;
    if (response.headersSent) cutOff(response);
    else sendProblem(response, refusal, { requestId, more: this.#answering.ofRefusal });
  }

  #cut(refusal: Problem): void {
    this.#refused = refusal;
    this.#status = refusal.status;
    if (this.#tunnel !== undefined) this.#tunnel.cut();
    else if (this.#response.headersSent) cutOff(this.#response);
    else this.#upstream?.abort(new UploadError('aborted'));
  }

  #closed(): void {
    clearTimeout(this.#untaken);
    this.#live.end();
    if (this.#tunnel !== undefined) this.#sent.tries.ended();
    this.#upstream?.abort(new UploadError('aborted'));
    this.#answering.call.ended(this.#status);
  }
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

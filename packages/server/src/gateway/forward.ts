/** Step 5, routing: the accepted request goes to its upstream, and the answer back, as they come. */
import type { ServerResponse } from 'node:http';
import type { FlatFields } from '@tessera/verify';
import type { Bounds } from '../core/compiled-bounds.ts';
import type { Incoming } from '../http/edge.ts';
import { sendProblem } from '../http/send.ts';
import { type Answering, CLIENT_CLOSED, Exchange, type UpstreamRequest } from './exchange.ts';
import { upload } from './upload.ts';
import { refusalOf } from './upstreams/refusal.ts';
import { Tries } from './upstreams/tries.ts';
import type { Upstream } from './upstreams/upstream.ts';

export interface Forwarding extends Answering {
  readonly upstream: Upstream;
  /** Path and query. */
  readonly target: string;
  readonly fields: FlatFields;
  readonly bounds: Bounds;
}

/**
 * Sends the request and streams both ways: neither side is read faster than the other takes. Nothing is sent twice: only
 * an idempotent request of which nothing was sent is offered to another target. An answer that breaks off ends the
 * client's connection, so that half an answer is never taken for the whole one.
 */
export function forward(response: ServerResponse, incoming: Incoming, forwarding: Forwarding): void {
  const { upstream, fields, ofRefusal, bounds, uploadStallMs, webSocket, call } = forwarding;
  const { requestId, method, bodyBytes } = incoming;
  // The verdict may have come later than the client was willing to wait.
  if (response.destroyed) {
    call.ended(CLIENT_CLOSED);
    return;
  }
  const picked = upstream.pick();
  if ('none' in picked) {
    const refusal = refusalOf(picked);
    sendProblem(response, refusal, { requestId, more: ofRefusal });
    call.ended(refusal.status);
    return;
  }
  const request: UpstreamRequest = {
    path: forwarding.target,
    method,
    headers: fields as string[],
    body: bodyBytes === 0 ? null : upload(response.req, { stallMs: uploadStallMs, ...bounds }),
    headersTimeout: upstream.settings.responseTimeoutMs,
    bodyTimeout: upstream.settings.idleTimeoutMs,
    upgrade: webSocket === undefined ? null : 'websocket',
  };
  const sent = { request, requestId, tries: new Tries(upstream, picked) };
  picked.dispatcher.dispatch(request, new Exchange(response, sent, forwarding));
}

/** The body of an operation that reads: it comes at the caller's own pace, and must not carry the caller over its own revocation. */
import type { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { problems } from '@tessera/contract';
import { Refusal } from '../core/refusal.ts';
import { readBody } from '../http/body.ts';
import type { Incoming } from '../http/edge.ts';
import { type Caller, stillHolds } from './authenticate.ts';
import type { ApiServices } from './services.ts';

/** A verdict on a caller is news for so long. */
const SLOW_BODY_MS = 500;

export interface CallersRequest {
  readonly request: IncomingMessage;
  readonly incoming: Incoming;
  readonly caller: Caller;
  /** That the caller was accepted for. */
  readonly scope: string;
}

/** Throws `forbidden` where the caller was ended or narrowed while its body arrived. */
export async function callerBody(
  { request, incoming, caller, scope }: CallersRequest,
  services: ApiServices,
): Promise<Buffer> {
  const accepted = performance.now();
  const raw = await wholeBody(request, services);
  const isLate = performance.now() - accepted > SLOW_BODY_MS;
  if (isLate && !(await stillHolds(caller, { incoming, scope, services })))
    throw new Refusal('forbidden', 'your token was ended or narrowed since it was accepted');
  return raw;
}

/** Throws where it is too long, or does not come in time. */
export async function wholeBody(request: IncomingMessage, services: ApiServices): Promise<Buffer> {
  const raw = await readBody(request, { timeoutMs: services.bodyTimeoutMs });
  if (typeof raw === 'string') throw new Refusal(raw, problems[raw].meaning);
  return raw;
}

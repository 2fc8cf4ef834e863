/**
 * Idempotency-Key: a repeat gets the first answer again, the secret included. What is kept can be opened only by the
 * caller's own credential together with the key (draft-ietf-httpapi-idempotency-key-header-07).
 */

import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from 'node:crypto';
import type { IdempotencyRecord } from '../core/model.ts';
import { Refusal } from '../core/refusal.ts';
import type { Answer } from './answer.ts';

export const REMEMBERED_MS = 86_400_000;
const WAIT_MS = 5000;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** One request under its key. */
export interface KeyedRequest {
  readonly id: string;
  readonly requestHash: string;
  /** Seals and opens its answers. */
  readonly sealingKey: Uint8Array;
}

export interface RequestIdentity {
  readonly key: string;
  readonly caller: string;
  readonly credential: string;
  readonly workspace: string;
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;
  /** `If-Match` and whatever else changes what the request means. */
  readonly conditions: string;
}

export function isIdempotencyKey(text: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(text);
}

export function keyedRequest(request: RequestIdentity): KeyedRequest {
  const { key, caller, workspace, method, path, credential } = request;
  return {
    id: hash('sha256', JSON.stringify([caller, workspace, method, path, key]), 'hex'),
    requestHash: hash('sha256', `${hash('sha256', request.body, 'hex')} ${request.conditions}`, 'hex'),
    sealingKey: new Uint8Array(hkdfSync('sha256', credential, key, 'tessera/v1/idempotency', 32)),
  };
}

export function seal(keyed: KeyedRequest, answer: Answer, now: number): IdempotencyRecord {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyed.sealingKey, nonce).setAAD(Buffer.from(keyed.id));
  const text = Buffer.concat([cipher.update(JSON.stringify(answer)), cipher.final()]);
  return {
    id: keyed.id,
    requestHash: keyed.requestHash,
    status: answer.status,
    sealed: Buffer.concat([nonce, cipher.getAuthTag(), text]),
    createdAt: now,
  };
}

/** The answer that was kept. Throws `idempotency_key_reused` where this is another request than the one it answered. */
export function open(keyed: KeyedRequest, kept: IdempotencyRecord): Answer {
  if (kept.requestHash !== keyed.requestHash)
    throw new Refusal('idempotency_key_reused', 'the key was used with another request body');
  try {
    const sealed = Buffer.from(kept.sealed);
    const decipher = createDecipheriv('aes-256-gcm', keyed.sealingKey, sealed.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(Buffer.from(keyed.id))
      .setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const text = Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString(
      'utf8',
    );
    return JSON.parse(text) as Answer;
  } catch {
    throw new Refusal('idempotency_key_reused', 'the key was used with another secret of this token');
  }
}

export interface InFlight {
  /** Runs `work` alone under this id. Throws `idempotency_in_flight` where another one does not end within 5 seconds. */
  alone<T>(id: string, work: () => Promise<T>): Promise<T>;
}

export function inFlight(waitMs: number = WAIT_MS): InFlight {
  const running = new Map<string, Promise<unknown>>();
  return {
    async alone(id, work) {
      const deadline = performance.now() + waitMs;
      for (let other = running.get(id); other !== undefined; other = running.get(id)) {
        if (!(await endsWithin(other, deadline - performance.now()))) {
          throw new Refusal('idempotency_in_flight', 'the first request with this key is still running');
        }
      }
      const mine = work();
      const ended = mine.then(noop, noop).finally(() => running.delete(id));
      running.set(id, ended);
      return mine;
    },
  };
}

async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, ms));
  });
  const ended = await Promise.race([work.then(() => true), timeout]);
  clearTimeout(timer);
  return ended;
}

function noop(): void {}

/** What the server says of its signed tokens: keys and notices, read member by member. */
import { isSignatureAlgorithm, publicMembers, UnusableKeyError, verifyingKey } from '../../jose/public-key.ts';
import type { OwnKey } from '../own-signed.ts';
import { list, text, UnreadableFacts } from '../strict-reader.ts';
import { changeOf, position, recordOf } from './wire.ts';

export interface NoticesOnWire {
  /** Position of the feed that the rest is at least as new as. */
  readonly seq: number;
  readonly workspace: string;
  /** By their names; of algorithms that are known here. */
  readonly keys: readonly (readonly [kid: string, key: Omit<OwnKey, 'workspace'>])[];
  readonly items: readonly NoticeOnWire[];
  /** Where the next page begins; undefined: there is none. */
  readonly next: string | undefined;
}

export interface NoticeOnWire {
  readonly seq: number;
  readonly kind: string;
  readonly id: string;
  /** Milliseconds since the epoch, both. */
  readonly at: number;
  readonly signedUntil: number;
}

/** @throws UnreadableFacts where it is not what was asked for */
export function readNotices(value: unknown): NoticesOnWire {
  const { seq, workspace, keys, items, next } = recordOf(value);
  return {
    seq: position(seq),
    workspace: text(workspace, '/workspace'),
    keys: list(recordOf)(keys, '/keys').flatMap(keyOf),
    items: list(noticeOf)(items, '/items'),
    next: next === null ? undefined : text(next, '/next'),
  };
}

function noticeOf(value: unknown): NoticeOnWire {
  const record = recordOf(value);
  const { at, signedUntil, ...change } = changeOf(record, text(record.kind, '/kind'));
  if (at === undefined || signedUntil === undefined) throw new UnreadableFacts('/signedUntil: must be a time');
  return { ...change, at, signedUntil };
}

function keyOf(jwk: Readonly<Record<string, unknown>>): NoticesOnWire['keys'] {
  const { kid, kty, alg } = jwk;
  const name = text(kid, '/kid');
  // A shared secret is not told: what it signed is asked for.
  if (kty === 'oct' && alg === 'HS256') return [[name, { alg, key: undefined }]];
  if (!isSignatureAlgorithm(alg)) return [];
  try {
    const { key } = verifyingKey(publicMembers(jwk, alg), alg);
    return [[name, { alg, key }]];
  } catch (error) {
    if (error instanceof UnusableKeyError) throw new UnreadableFacts('/keys: must be public keys', { cause: error });
    throw error;
  }
}

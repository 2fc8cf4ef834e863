/** Who asks for a change, where and when; and the audit record that every change leaves. */
import type { DigestKey, TokenKind } from '@tessera/verify';
import type { Addresses } from './model.ts';
import { Refusal } from './refusal.ts';
import type { Tx } from './store-port.ts';

/** The caller, as the decision accepted it. */
export interface Actor {
  readonly token: string;
  /** The workspace of its token; only the root token acts in others. */
  readonly home: string;
  /** Which secret of its token it called with. */
  readonly secret: DigestKey;
  readonly owner: string | null;
  /** Expanded: `admin` comes with everything it covers. */
  readonly scopes: readonly string[];
  readonly isRoot: boolean;
  readonly isAdmin: boolean;
  /** Milliseconds since the epoch; undefined: does not expire. */
  readonly expiresAt: number | undefined;
}

export interface Call {
  readonly actor: Actor;
  /** Where the caller acts. */
  readonly workspace: string;
  readonly now: number;
  readonly requestId: string;
  readonly address: string | null;
  /** Versions that `If-Match` names; undefined: any. */
  readonly ifMatch: readonly number[] | undefined;
}

/** What holds the caller's token back besides its scopes and its end: a management token that it makes must not be freer. */
export interface Bonds {
  readonly kind: TokenKind;
  readonly ip: Addresses;
  readonly boundKey: string | null;
  /** Whether it descends from another one, and dies with it. */
  readonly isChild: boolean;
  /** Whether the secret it called with was replaced, and lives on for its grace period alone. */
  readonly isReplaced: boolean;
}

/** A call whose caller was found to stand within the unit of work that makes the change. */
export interface Confirmed extends Call {
  readonly bonds: Bonds;
}

/** Leaves the audit record of a change, in the unit of work that makes it. `details` never holds a secret. */
export function record(
  tx: Tx,
  call: Call,
  action: string,
  target: { type: string; id: string },
  details: Record<string, unknown> = {},
): void {
  tx.record({
    workspace: call.workspace,
    at: call.now,
    actor: { token: call.actor.token, owner: call.actor.owner, kind: 'token' },
    action,
    target,
    outcome: 'ok',
    requestId: call.requestId,
    address: call.address,
    details,
  });
}

/** Throws `precondition_failed` where the object has another version than the caller saw (RFC 9110 section 13.1.1). */
export function checkVersion(call: Call, object: { readonly version: number }): void {
  if (call.ifMatch !== undefined && !call.ifMatch.includes(object.version)) {
    throw new Refusal('precondition_failed', 'the object has changed since it was read');
  }
}

/** What differs between two states of an object, for the audit record: `{member: {from, to}}`. */
export function difference(from: object, to: object): Record<string, unknown> {
  const before = from as Readonly<Record<string, unknown>>;
  const changes: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(to)) {
    if (key === 'updatedAt' || key === 'version') continue;
    if (JSON.stringify(before[key]) !== JSON.stringify(value)) {
      changes[key] = { from: shown(key, before[key] ?? null), to: shown(key, value) };
    }
  }
  return changes;
}

/** Times as the API writes them: an audit record is read by people. */
export function shown(key: string, value: unknown): unknown {
  const isTime = typeof value === 'number' && (key.endsWith('At') || key === 'notBefore');
  return isTime ? new Date(value).toISOString() : value;
}

/** The lists without members that are absent, as they are kept. */
export function addresses(lists: Addresses | undefined): Addresses {
  return { ...(lists?.allow && { allow: lists.allow }), ...(lists?.deny && { deny: lists.deny }) };
}

/**
 * Attempts beyond one's authority, in the audit log of the token's workspace. So many a minute and token: a token
 * that may do nothing, or is revoked, must not be able to fill the log.
 */
import type { OperationName } from '@tessera/contract';
import type { AuditEntry } from '../core/model.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import type { Incoming } from '../http/edge.ts';
import type { ApiServices } from './services.ts';

export interface Attempt {
  readonly name: OperationName;
  /** The id in the path. */
  readonly target: string | undefined;
  readonly incoming: Incoming;
}

/** Whose attempt it was: the token, with its own workspace. */
export interface Attempter {
  readonly token: string;
  readonly owner: string | null;
  readonly workspace: string;
}

export type DeniedLog = (attempt: Attempt, who: Attempter) => Promise<void>;

const MINUTE_MS = 60_000;
const PER_MINUTE = 30;
const MAX_TARGET = 100;

export function deniedLog({ store, clock, onError }: Pick<ApiServices, 'store' | 'clock' | 'onError'>): DeniedLog {
  /** Attempts of each token in the current minute. Only tokens that were issued get here, and it is emptied every minute. */
  const attempts = new Map<string, number>();
  let minute = 0;

  const isTooMany = (token: string, now: number): boolean => {
    if (now - (now % MINUTE_MS) !== minute) attempts.clear();
    minute = now - (now % MINUTE_MS);
    const count = (attempts.get(token) ?? 0) + 1;
    attempts.set(token, count);
    return count > PER_MINUTE;
  };

  return async (attempt, who) => {
    const at = clock.now();
    if (isTooMany(who.token, at)) return;
    const entry = entryOf(attempt, who, at);
    // That it cannot be written changes nothing for the one refused.
    await store
      .write(async (tx) => tx.record(entry))
      .catch((error: unknown) => onError(error, attempt.incoming.requestId));
  };
}

function entryOf({ name, target, incoming }: Attempt, who: Attempter, at: number): AuditEntry {
  const type = name.slice(0, name.indexOf('.')).replace(/s$/, '');
  return {
    workspace: who.workspace,
    at,
    actor: { token: who.token, owner: who.owner, kind: 'token' },
    action: name,
    target: target === undefined ? null : { type, id: withoutSecrets(target).slice(0, MAX_TARGET) },
    outcome: 'denied',
    requestId: withoutSecrets(incoming.requestId),
    address: incoming.address ?? null,
    details: {},
  };
}

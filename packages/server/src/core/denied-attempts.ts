/**
 * Attempts beyond one's authority, in the audit log of the token's workspace. So many a minute and token: a token
 * that may do nothing, or is revoked, must not be able to fill the log.
 */
import type { Clock } from '@tessera/verify';
import type { AuditEntry } from './model.ts';
import type { Store } from './store-port.ts';
import { withoutSecrets } from './without-secrets.ts';

export interface Attempt {
  /** What was asked for, as `tokens.revoke`. */
  readonly action: string;
  /** Id of what it was about. */
  readonly target: string | undefined;
  readonly requestId: string;
  readonly address: string | undefined;
}

/** Whose attempt it was: the token, with its own workspace. */
export interface Attempter {
  readonly token: string;
  readonly owner: string | null;
  readonly workspace: string;
}

export type DeniedLog = (attempt: Attempt, who: Attempter) => Promise<void>;

export interface DeniedLogParts {
  readonly store: Pick<Store, 'write'>;
  readonly clock: Clock;
  readonly onError: (error: unknown, requestId: string) => void;
}

const MINUTE_MS = 60_000;
const PER_MINUTE = 30;
const MAX_TARGET = 100;

export function deniedLog({ store, clock, onError }: DeniedLogParts): DeniedLog {
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
    await store.write(async (tx) => tx.record(entry)).catch((error: unknown) => onError(error, attempt.requestId));
  };
}

function entryOf({ action, target, requestId, address }: Attempt, who: Attempter, at: number): AuditEntry {
  const type = action.slice(0, action.indexOf('.')).replace(/s$/, '');
  return {
    workspace: who.workspace,
    at,
    actor: { token: who.token, owner: who.owner, kind: 'token' },
    action,
    target: target === undefined ? null : { type, id: withoutSecrets(target).slice(0, MAX_TARGET) },
    outcome: 'denied',
    requestId: withoutSecrets(requestId),
    address: address ?? null,
    details: {},
  };
}

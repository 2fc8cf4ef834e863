/** Tokens that were sent in clear from outside: whoever was on the way has them. Told once an hour for each, and recorded. */
import { fingerprint } from '@tessera/token';
import {
  type Clock,
  chain,
  type DenialCode,
  digestBytes,
  type Ports,
  type Presented,
  presence,
  recognise,
  requirement,
  type TokenFacts,
} from '@tessera/verify';
import { type FailedCredentials, isGuess } from './door-ports.ts';
import { onceAnHour } from './once-an-hour.ts';
import type { Store } from './store-port.ts';

const ANYWHERE = requirement({});

export interface Exposures {
  /** Looks whether it is a token, and reports it. Returns at once and never throws. */
  credential(exposed: ExposedCredential): void;
}

export interface ExposedCredential {
  readonly presented: Presented;
  readonly door: 'gateway' | 'platform';
  readonly requestId: string;
  readonly address: string | undefined;
}

/** A token that somebody may have read on the way. */
export interface ExposedToken extends Omit<ExposedCredential, 'presented'> {
  readonly token: string;
  readonly fingerprint: string;
}

export interface ExposuresOptions {
  readonly ports: Ports;
  readonly failed: FailedCredentials;
  readonly store: Pick<Store, 'write'>;
  readonly clock: Clock;
  /** Hears of every request that exposed a token. Must not throw. */
  readonly counted: (door: ExposedCredential['door']) => void;
  /** Hears of a token once an hour. Must not throw. */
  readonly onExposed: (exposed: ExposedToken) => void;
  readonly onError: (error: unknown) => void;
}

/** Whoever sends more tokens than that in clear in an hour is told of some of them again. */
const MOST_REMEMBERED = 10_000;

export function exposures(options: ExposuresOptions): Exposures {
  const { ports, failed, store, clock, counted, onExposed, onError } = options;
  const told = onceAnHour(MOST_REMEMBERED);

  const report = async (facts: TokenFacts, { door, requestId, address }: ExposedCredential): Promise<void> => {
    counted(door);
    const at = clock.now();
    if (!told.isNews(facts.id, at)) return;
    const known = fingerprint(digestBytes(facts.secret.key));
    onExposed({ token: facts.id, fingerprint: known, door, requestId, address });
    const recorded = store.write(async (tx) => {
      tx.record({
        workspace: facts.workspace.id,
        at,
        actor: { token: null, owner: null, kind: 'system' },
        action: 'token.exposed',
        target: { type: 'token', id: facts.id },
        outcome: 'denied',
        requestId,
        address: address ?? null,
        details: { fingerprint: known, door },
      });
    });
    await recorded.catch((error: unknown) => {
      // So that the next one is tried again.
      told.forget(facts.id);
      throw error;
    });
  };

  const look = async (exposed: ExposedCredential): Promise<void> => {
    const present = presence(exposed.presented);
    if (present.outcome !== 'present') return;
    const source = exposed.address ?? 'unknown';
    // A guesser is heard no more often here than where it would be answered.
    if (failed.blocked(source, present.credential) > 0) return;
    const found = await chain(
      recognise(present.credential, ANYWHERE, ports),
      (facts): TokenFacts | DenialCode => facts,
    );
    if (typeof found !== 'string') {
      // Of one that is revoked there is nothing left to lose.
      if (found.revokedAt === undefined) await report(found, exposed);
    } else if (isGuess(found)) failed.failed(source);
  };

  return { credential: (exposed) => void look(exposed).catch(onError) };
}

/** What every door that guards requests does before it answers: one credential, not from a guesser, and one verdict on it. */
import {
  type Allow,
  type Asked,
  type Credential,
  chain,
  type Deny,
  decide,
  deny,
  type MaybePromise,
  type Ports,
  type Presented,
  presence,
} from '@tessera/verify';
import { type FailedCredentials, isGuess } from './door-ports.ts';

export interface Judges {
  readonly ports: Ports;
  readonly failed: FailedCredentials;
}

/** What a door asks of what a request presents. */
export interface AskedOfRequest extends Asked {
  readonly presented: Presented;
}

export type Judgement = Accepted | Refused;

export interface Accepted {
  readonly accepted: true;
  readonly verdict: Allow;
  readonly credential: Credential;
  /** That the decision took, look-up included. */
  readonly seconds: number;
}

export interface Refused {
  readonly accepted: false;
  readonly verdict: Deny;
  /** Undefined where it was not exactly one. */
  readonly credential: Credential | undefined;
  /** A credential was named but empty: a bad request (RFC 6750 section 3.1), though the verdict can only say `missing`. */
  readonly empty: boolean;
  /** That the decision took, look-up included; undefined: there was nothing to decide. */
  readonly seconds: number | undefined;
  /** With a guesser's `rate_limited`: seconds until the address may try again. */
  readonly retryAfterSeconds: number | undefined;
}

/** Never throws or rejects: what cannot be judged is denied. */
export function judge(asked: AskedOfRequest, { ports, failed }: Judges): MaybePromise<Judgement> {
  const present = presence(asked.presented);
  if (present.outcome === 'empty')
    return refused(deny('missing', { detail: 'the credential is empty' }), { empty: true });
  if (present.outcome !== 'present') return refused(deny(present.outcome));
  const { credential } = present;
  const source = asked.circumstances.address ?? 'unknown';
  const wait = failed.blocked(source, credential);
  if (wait > 0)
    return refused(deny('rate_limited', { detail: 'too many failed credentials from this address' }), {
      credential,
      retryAfterSeconds: wait,
    });
  const start = performance.now();
  return chain(decide(credential, asked, ports), (verdict): Judgement => {
    const seconds = (performance.now() - start) / 1000;
    if (verdict.valid) return { accepted: true, verdict, credential, seconds };
    if (isGuess(verdict.code)) failed.failed(source);
    return refused(verdict, { credential, seconds });
  });
}

function refused(verdict: Deny, more: Partial<Refused> = {}): Refused {
  const none = { credential: undefined, empty: false, seconds: undefined, retryAfterSeconds: undefined };
  return { accepted: false, verdict, ...none, ...more };
}

/** What every door needs beside the decision: counting failed credentials, and recording each verdict once. */
import type { Credential, DenialCode, Verdict } from '@tessera/verify';

/** Guesses are counted for each source address, so that looking for a token costs the guesser, not the store. */
export interface FailedCredentials {
  /** Seconds until this address may present this credential; 0: now. One that is known already is never held up by a guesser. */
  blocked(address: string, credential: Credential): number;
  /** A credential from this address was a guess, as `isGuess` tells. */
  failed(address: string): void;
}

export interface Recorder {
  /** Called once for each verdict, after the door chose the status. Must not throw. */
  verdict(verdict: Verdict, call: DoorCall): void;
}

export interface DoorCall {
  readonly door: 'gateway' | 'forward-auth' | 'verify' | 'api' | 'oauth';
  /** Name of the route that was judged; undefined: none. */
  readonly route: string | undefined;
  readonly status: number;
  /** That the decision took, look-up included; undefined: there was nothing to decide. */
  readonly seconds: number | undefined;
  /** The verdict refuses, and its route is only tried out: the request passed all the same. */
  readonly letThrough?: boolean;
  /** The request, for the access log; undefined where the verdict was asked for and none was made. */
  readonly request?: CalledRequest;
}

/** What names a request in the log. Never its query, which may hold what should not have been in it. */
export interface CalledRequest {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly address: string | undefined;
}

/**
 * Whether a refusal means that nobody was ever given this credential. A token that expired or was revoked is no guess:
 * its holder, who may share the address with others, must go on hearing why it is refused.
 */
export function isGuess(code: DenialCode): boolean {
  return code === 'unknown' || code === 'malformed' || code === 'signature_invalid';
}

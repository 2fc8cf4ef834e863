/** Requests that pass: those that were accepted, and those that a route in shadow mode lets through whatever is decided. */
import { type Credential, denials, type Principal, type Verdict } from '@tessera/verify';
import type { CompiledRoute } from './compiled-route.ts';
import type { Accepted, Refused } from './judge.ts';

export interface Passing {
  readonly verdict: Verdict;
  /** Undefined: nobody was shown to ask. */
  readonly principal: Principal | undefined;
  /** Undefined where there is none that was shown to be ours. */
  readonly credential: Credential | undefined;
  /** That the decision took; undefined: there was nothing to decide. */
  readonly seconds: number | undefined;
  /** The verdict refuses. */
  readonly letThrough: boolean;
}

export function passingOf({ verdict, credential, seconds }: Accepted): Passing {
  return { verdict, principal: verdict.principal, credential, seconds, letThrough: false };
}

/** Undefined: the refusal stands. */
export function letThrough(
  { verdict, credential, seconds }: Refused,
  route: CompiledRoute | undefined,
): Passing | undefined {
  if (route?.shadow !== true) return undefined;
  const { step } = denials[verdict.code];
  // A token that is revoked or expired has an owner too, and does not speak for him any more.
  const isShown = step === 'authorization' || step === 'policy';
  const principal = isShown ? verdict.principal : undefined;
  return { verdict, principal, credential: principal && credential, seconds, letThrough: true };
}

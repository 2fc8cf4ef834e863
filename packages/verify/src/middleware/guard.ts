/** One request, one verdict: the same for every framework, which only reads and writes. */
import { notWellFormed } from '../answers/problem-of-denial.ts';
import { chain, type MaybePromise } from '../maybe-promise.ts';
import { type Deny, deny } from '../verdict.ts';
import type { Verifier } from '../verifier.ts';
import { type Guarding, type GuardOptions, guarding } from './guard-options.ts';
import { notUnderstood, type Outcome, passed, type Refused, refused } from './outcome.ts';
import { NOTHING_READ, type Received } from './received.ts';

/** Judges requests. Neither throws nor rejects: what cannot be read or judged is refused. */
export type Guard<Incoming> = (request: Incoming) => MaybePromise<Outcome>;

/** What is used of a verifier. */
export type Guardian = Pick<Verifier, 'requirement' | 'verify' | 'follow'>;

/** How a framework's request is read. */
export type Read<Incoming> = (request: Incoming, guarding: Guarding<Incoming>) => Received;

/** Throws a TypeError where the options are not valid. */
export function guard<Incoming>(
  verifier: Guardian,
  options: GuardOptions<Incoming>,
  read: Read<Incoming>,
): Guard<Incoming> {
  const asks = guarding(verifier.requirement, options);
  const { scopes } = asks.requirement;
  return (request) => {
    const refuse = (refusal: Refused): Refused => {
      try {
        asks.onDeny?.(refusal.denied, request);
      } catch {
        // Whoever listens must not turn a refusal into an exception.
      }
      return refusal;
    };
    let received = NOTHING_READ;
    const failed = (): Refused => refuse(refused(deny('fault', { detail: FAILED }), received, scopes));
    try {
      received = read(request, asks);
      const outcome = judged(verifier, received, { asks, refuse });
      return outcome instanceof Promise ? outcome.catch(failed) : outcome;
    } catch {
      return failed();
    }
  };
}

const FAILED = 'the request could not be read, or the verifier failed';

function judged<Incoming>(
  verifier: Guardian,
  received: Received,
  { asks, refuse }: { readonly asks: Guarding<Incoming>; readonly refuse: (refusal: Refused) => Refused },
): MaybePromise<Outcome> {
  const { presented, proofs, address, method } = received;
  const { requirement, cost } = asks;
  const [proof, second] = proofs;
  // RFC 9449 section 4.3, step 1.
  if (second !== undefined) return refuse(notUnderstood(notWellFormed('More than one DPoP proof.'), received));
  const url = proof === undefined ? undefined : received.url();
  const certificate = requirement.clientCertificate ? received.certificate() : undefined;
  const asked = { requirement, circumstances: { address, method, url, proof, certificate, cost } };
  const refusal = (denial: Deny): Refused => refuse(refused(denial, received, requirement.scopes));
  return chain(verifier.verify(presented, asked), (made) => {
    if (!made.valid) return refusal(made);
    return passed(made, received, (cut) =>
      verifier.follow({ presented, asked, allowed: made, cut: (denial) => cut(refusal(denial)) }),
    );
  });
}

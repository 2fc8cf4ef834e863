/** The decision: credential in, verdict out. Each step takes what the step before proved, so that none can be skipped. */
import { authorization } from './authorization.ts';
import { fault } from './fault.ts';
import type { MaybePromise } from './maybe-promise.ts';
import { policy } from './policy.ts';
import type { Ports } from './ports.ts';
import type { Credential } from './presence.ts';
import type { Asked } from './requirement.ts';
import { type Validated, validation } from './validation.ts';
import type { Deny, Verdict } from './verdict.ts';

/**
 * Whether this credential may do what is required, under these circumstances. Never throws or rejects: what cannot be
 * judged is denied as `fault`. The verdict is a plain value where every port answers from memory, else a promise.
 */
export function decide(credential: Credential, asked: Asked, ports: Ports): MaybePromise<Verdict> {
  try {
    const validated = validation(credential, asked, ports);
    // Not chained: the most frequent verdicts are made without a closure.
    const verdict =
      validated instanceof Promise
        ? validated.then((later) => further(later, asked, ports))
        : further(validated, asked, ports);
    return verdict instanceof Promise ? verdict.catch((error: unknown) => fault(error, ports)) : verdict;
  } catch (error) {
    return fault(error, ports);
  }
}

function further(validated: Validated | Deny, asked: Asked, ports: Ports): MaybePromise<Verdict> {
  if (!validated.valid) return validated;
  const authorized = authorization(validated, asked.requirement);
  return authorized.valid ? policy(authorized, asked, ports) : authorized;
}

/** The decision: credential in, verdict out. Each step takes what the step before proved, so that none can be skipped. */
import { authorization } from './authorization.ts';
import { fault } from './fault.ts';
import { chain, type MaybePromise } from './maybe-promise.ts';
import { policy } from './policy.ts';
import type { Ports } from './ports.ts';
import type { Credential } from './presence.ts';
import type { Asked } from './requirement.ts';
import { validation } from './validation.ts';
import type { Verdict } from './verdict.ts';

/**
 * Whether this credential may do what is required, under these circumstances. Never throws or rejects: what cannot be
 * judged is denied as `fault`. The verdict is a plain value where every port answers from memory, else a promise.
 */
export function decide(credential: Credential, asked: Asked, ports: Ports): MaybePromise<Verdict> {
  try {
    const verdict = chain(validation(credential, asked, ports), (validated): MaybePromise<Verdict> => {
      if (!validated.valid) return validated;
      const authorized = authorization(validated, asked.requirement);
      return authorized.valid ? policy(authorized, asked, ports) : authorized;
    });
    return verdict instanceof Promise ? verdict.catch((error: unknown) => fault(error, ports)) : verdict;
  } catch (error) {
    return fault(error, ports);
  }
}

/** From what was thrown to what the caller hears. */
import { ZodError } from 'zod';
import { Refusal } from '../core/refusal.ts';
import type { Incoming } from '../http/edge.ts';
import { type Problem, problem } from '../http/problem.ts';
import type { ApiServices } from './services.ts';

/** What core refused is told; what it could not do is told as that and no more, and the log has the reason. */
export function problemOfError(
  error: unknown,
  { requestId }: Incoming,
  services: Pick<ApiServices, 'onError'>,
): Problem {
  if (error instanceof Refusal)
    return problem(error.code, { detail: error.detail, ...(error.errors.length > 0 && { errors: error.errors }) });
  services.onError(error, requestId);
  // A bug of ours against a store that is away: the second passes, and can be tried again.
  const bug =
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError ||
    error instanceof ZodError;
  return problem(bug ? 'internal' : 'unavailable', bug ? {} : { headers: { 'Retry-After': '1' } });
}

/** From what was thrown to what the caller hears. */
import type { ServerResponse } from 'node:http';
import { ZodError } from 'zod';
import { Refusal } from '../core/refusal.ts';
import { OutcomeUnknown } from '../core/store-port.ts';
import type { Incoming } from '../http/edge.ts';
import { type Problem, problem } from '../http/problem.ts';
import { sendProblem } from '../http/send.ts';
import type { ApiServices } from './services.ts';

/** What core refused is told; what it could not do is told as that and no more, and the log has the reason. */
export function problemOfError(
  error: unknown,
  { requestId }: Incoming,
  services: Pick<ApiServices, 'onError'>,
): Problem {
  if (error instanceof Refusal)
    return problem(error.code, {
      detail: error.detail,
      ...(error.errors.length > 0 && { errors: error.errors }),
      ...(error.code === 'too_many' && { headers: { 'Retry-After': '5' } }),
    });
  services.onError(error, requestId);
  if (isBug(error)) return problem('internal');
  // A store that is away, whose drivers throw what they please: it passes, and the request can be made again.
  const detail = error instanceof OutcomeUnknown ? OUTCOME_UNKNOWN : undefined;
  return problem('unavailable', { detail, headers: { 'Retry-After': '1' } });
}

/** Answers with a problem. Half an answer must not look like a whole one: where one has begun, the connection is cut. */
export function refuse(response: ServerResponse, { requestId }: Incoming, told: Problem): void {
  if (response.headersSent) response.destroy();
  else sendProblem(response, told, { requestId });
}

const OUTCOME_UNKNOWN =
  'The change was made, or it was not: the same request with the same Idempotency-Key tells, and makes it once.';

/** What only a fault in our own code throws. */
function isBug(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError ||
    error instanceof SyntaxError ||
    error instanceof ZodError
  );
}

/** The answer to a refused judgement, the same at every door that guards requests of strangers. */
import type { ServerResponse } from 'node:http';
import { type FlatFields, problemOfDenial, problemOfEmptyCredential, rateHeaders } from '@tessera/verify';
import type { Refused } from '../core/judge.ts';
import type { Problem } from './problem.ts';
import { sendProblem } from './send.ts';

export interface RefuseOptions {
  readonly requestId: string;
  /** Scopes that the resource requires, for the challenge. */
  readonly scopes: readonly string[];
  /** Further header fields of the answer. */
  readonly more?: FlatFields;
}

/** Sends the refusal and returns its status. */
export function refuse(
  response: ServerResponse,
  refused: Refused,
  { requestId, scopes, more = [] }: RefuseOptions,
): number {
  const problem = problemOfRefusal(refused, scopes);
  sendProblem(response, problem, { requestId, more: [...rateHeaders(refused.verdict.limits), ...more] });
  return problem.status;
}

/** What a stranger hears of the refusal; `scopes` are those that the resource requires. */
export function problemOfRefusal({ verdict, empty, retryAfterSeconds }: Refused, scopes: readonly string[]): Problem {
  if (empty) return problemOfEmptyCredential();
  return problemOfDenial(verdict, { audience: 'stranger', scopes, retryAfterSeconds });
}

/** The answer to a refused judgement, the same at every door that guards requests of strangers. */
import type { ServerResponse } from 'node:http';
import type { Refused } from '../core/judge.ts';
import { problemOfDenial, problemOfEmptyCredential } from './problem.ts';
import { rateHeaders } from './rate-headers.ts';
import { sendProblem } from './send.ts';

export interface RefuseOptions {
  readonly requestId: string;
  /** Scopes that the resource requires, for the challenge. */
  readonly scopes: readonly string[];
}

/** Sends the refusal and returns its status. */
export function refuse(response: ServerResponse, refused: Refused, { requestId, scopes }: RefuseOptions): number {
  const { verdict, empty, retryAfterSeconds } = refused;
  const problem = empty
    ? problemOfEmptyCredential()
    : problemOfDenial(verdict, { audience: 'stranger', scopes, retryAfterSeconds });
  sendProblem(response, problem, { requestId, more: rateHeaders(verdict.limits) });
  return problem.status;
}

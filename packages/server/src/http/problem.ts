/** Problems that are no denials: what doors and the management API answer where something else is wrong (RFC 9457). */
import { type ProblemCode, problems } from '@tessera/contract';
import type { DenialCode, ProblemDetails } from '@tessera/verify';
import { doorProblems } from './door-problems.ts';

export interface Problem extends ProblemDetails {
  readonly code: AnswerCode;
}

/** A code of the problems that are no denials. */
export type FaultCode = ProblemCode | keyof typeof doorProblems;
export type AnswerCode = FaultCode | DenialCode;

type More = Pick<Problem, 'detail' | 'errors' | 'headers'>;

export function problem(code: FaultCode, more: More = {}): Problem {
  const { status, title } =
    code in doorProblems ? doorProblems[code as keyof typeof doorProblems] : problems[code as ProblemCode];
  return { status, code, title, ...more };
}

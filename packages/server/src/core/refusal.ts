/** Why core does not do what was asked: a code of the contract's problem table, and words for the caller. */
import type { ProblemCode } from '@tessera/contract';

export interface InputError {
  /** JSON pointer (RFC 6901) into the body. */
  readonly pointer: string;
  readonly detail: string;
  readonly code: string;
}

/** Thrown inside a unit of work, so that everything it wrote is undone. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: ProblemCode;
  readonly detail: string;
  readonly errors: readonly InputError[];

  constructor(code: ProblemCode, detail: string, errors: readonly InputError[] = []) {
    super(`${code}: ${detail}`);
    this.code = code;
    this.detail = detail;
    this.errors = errors;
  }
}

/** One wrong member of the body. */
export function invalid(pointer: string, detail: string, code = 'invalid'): Refusal {
  return new Refusal('invalid_input', detail, [{ pointer, detail, code }]);
}

/** Runs the work of one item of a list. A refusal then tells which item it was: all of them are refused for it. */
export async function ofItem<T>(index: number, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const errors = error.errors.map((fault) => ({ ...fault, pointer: `/items/${index}${fault.pointer}` }));
    throw new Refusal(error.code, `item ${index}: ${error.detail}`, errors);
  }
}

/** What another workspace owns and what does not exist get the same answer. */
export function notFound(what: string): Refusal {
  return new Refusal('not_found', `no such ${what}`);
}

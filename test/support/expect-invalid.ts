/** What every refusal of an input looks like. */
import { expect } from 'vitest';
import { type Answer, problemOf } from './call.ts';

/** 422 `invalid_input`, with a fault at this JSON pointer (or `?parameter`) whose text is this. */
export function expectInvalid(answer: Answer, pointer: string, detail: string | RegExp): void {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  const told = problemOf(answer);
  expect(told).toMatchObject({ status: 422, code: 'invalid_input', title: 'The input is not valid' });
  const errors = told.errors as { pointer: string; detail: string }[];
  expect(errors.map((error) => error.pointer)).toContain(pointer);
  expect(errors.find((error) => error.pointer === pointer)?.detail).toMatch(detail);
}

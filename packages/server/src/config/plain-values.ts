/** Schemas of the plain values that settings and routes share, each with one wording of what is wrong. */
import { z } from 'zod';

export const flag = z.boolean('must be true or false');

export function wholeNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  // Aborts, so that what is no whole number is told once.
  return z.int({ error: message, abort: true }).min(min, message).max(max, message);
}

export function oneOf<const Choice extends string>(...choices: readonly Choice[]) {
  return z.enum(choices, `must be one of ${choices.join(', ')}`);
}

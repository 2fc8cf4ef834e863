/** How long faults last: longer than the bound, and with `TESSERA_LONG_FAULTS=1` as long as outages do. */
import { BOUND_MS } from './observe.ts';

export const LONG = process.env.TESSERA_LONG_FAULTS === '1';

/** A moment more than the bound, after which nothing that a node remembers may count. */
const JUST_BEYOND_MS = BOUND_MS + 1000;

/** Milliseconds: short here, or long there. */
export function lasting(longMs: number): number {
  return LONG ? longMs : JUST_BEYOND_MS;
}

/** Of a test with one fault, or with twelve nodes that start again: everything around it has bounds of its own. */
export const FAULT_TEST_MS = LONG ? 360_000 : 180_000;

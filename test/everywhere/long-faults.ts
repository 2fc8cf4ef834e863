/** How long faults last: longer than the bound, and with `TESSERA_LONG_FAULTS=1` as long as outages do. */
import { BOUND_MS } from './observe.ts';

export const LONG = process.env.TESSERA_LONG_FAULTS === '1';

/** A moment more than the bound, after which nothing that a node remembers may count. */
const JUST_BEYOND_MS = BOUND_MS + 1000;

/** Milliseconds: short here, or long there. `shortMs`: of a fault that has nothing to do with the bound. */
export function lasting(longMs: number, shortMs = JUST_BEYOND_MS): number {
  return LONG ? longMs : shortMs;
}

/** Of a test with one fault, or with twelve nodes that start again: everything around it has bounds of its own. */
export const FAULT_TEST_MS = LONG ? 360_000 : 180_000;

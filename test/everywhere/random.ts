/** Choices that a seed repeats. When things happen depends on the machine, so that a seed repeats what is tried and not its timing. */
import { randomInt } from 'node:crypto';

export interface Random {
  readonly seed: number;
  /** From 0 up to, not including, 1. */
  next(): number;
  /** One of these; throws where there is none. */
  of<T>(values: readonly T[]): T;
}

const TWO_32 = 2 ** 32;

/** Default seed: `TESSERA_SEED`, else any. */
export function random(seed = Number(process.env.TESSERA_SEED ?? randomInt(TWO_32))): Random {
  let state = seed >>> 0;
  // Mulberry32: small, and even enough to choose with.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / TWO_32;
  };
  return {
    seed,
    next,
    of(values) {
      if (values.length === 0) throw new RangeError('nothing to choose from');
      return values[Math.floor(next() * values.length)] as (typeof values)[number];
    },
  };
}

/** The limiters of a process keep what every limiter keeps. */
import { describe, expect, it } from 'vitest';
import { limiterContract } from './limiter-contract.ts';
import { limiters } from './limiters.ts';
import { handClock } from './support.ts';

for (const limiter of limiters) limiterContract(limiter);

describe.each(limiters)('a limiter $name', ({ make }) => {
  it('cannot be made with a clock that tells no time', () => {
    expect(() => make({ clock: { now: () => Number.NaN } })).toThrow(new RangeError('the clock tells no time'));
    expect(() => make({ clock: handClock() })).not.toThrow();
  });
});

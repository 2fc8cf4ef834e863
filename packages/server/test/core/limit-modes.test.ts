/** The mode that is written at a limit reaches what counts it, of a route as of a token; shadow limits are tried out, exactly. */
import { describe, expect, it } from 'vitest';
import { compileCounting } from '../../src/core/compiled-limits.ts';
import { limitRules } from '../../src/core/tokens/facts.ts';

const exact = { name: 'e', limit: 10, window: 60 };
const approximate = { ...exact, name: 'a', mode: 'approximate' } as const;
const shadow = { ...exact, name: 's', mode: 'shadow' } as const;

describe('the mode of a limit', () => {
  it('of a token is that of its rule', () => {
    expect(
      limitRules([exact, approximate, { ...exact, mode: 'exact' }], 'token:tok_1').map(({ mode }) => mode),
    ).toEqual([undefined, 'approximate', undefined]);
  });

  it('of a route is that of its rule', () => {
    const { enforced, tried } = compileCounting({ name: 'r', limits: [exact, approximate, shadow] });
    expect(enforced.limits.map(({ name, mode }) => [name, mode])).toEqual([
      ['e', undefined],
      ['a', 'approximate'],
    ]);
    expect(tried.limits.map(({ name, mode }) => [name, mode])).toEqual([['s', undefined]]);
  });
});

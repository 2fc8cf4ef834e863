/** Tokens that share a limit count by it each in its own words, and those that do not are nothing to each other. */
import { describe, expect, it } from 'vitest';
import type { LeaseAnswer, LeaseQuestion } from '../src/leases/lease-wire.ts';
import { granting, leasing, refusing, rule } from './support/leasing.ts';
import { factsOf } from './support/tokens.ts';

describe('a share that tokens have in common, which descend from one another', () => {
  const key = 'token:tok_parent:l';
  const parent = factsOf({ limits: [rule({ key, limit: 5, burst: 5 })] });
  const child = factsOf({
    limits: [rule({ key: 'token:tok_child:l' }), rule({ key, name: 'parent-l', limit: 5, burst: 5 })],
    parents: ['tok_parent'],
  });
  const names = (questions: readonly LeaseQuestion[]) => questions.map(({ limit }) => limit);

  it('is asked for by what the token that asks calls it, and told so', async () => {
    const { leases, questions } = leasing(async () => granting(1));
    expect(await leases.take(parent, 1)).toMatchObject({ allowed: true, states: [{ name: 'l', limit: 5 }] });
    const told = [
      { name: 'l', limit: 1000 },
      { name: 'parent-l', limit: 5 },
    ];
    expect(await leases.take(child, 1)).toMatchObject({ allowed: true, states: told });
    expect(names(questions)).toEqual(['l', 'l', 'parent-l']);
    await leases.take(parent, 1);
    expect(names(questions)).toEqual(['l', 'l', 'parent-l', 'l']);
    // What one asked for, the other may spend: one counter counted it.
    expect(leases.size()).toBe(2);
  });

  it('refuses each of them in its own words', async () => {
    const { leases } = leasing(async ({ limit }) => (limit === 'parent-l' ? refusing(9) : granting(1)));
    const states = [
      { name: 'l', retryAfterSeconds: 0 },
      { name: 'parent-l', retryAfterSeconds: 9 },
    ];
    expect(await leases.take(child, 1)).toMatchObject({ allowed: false, states });
    expect(await leases.take(parent, 1)).toMatchObject({
      allowed: false,
      states: [{ name: 'l', retryAfterSeconds: 9 }],
    });
  });
});

describe('a request', () => {
  it('is not refused for the crowd that waits with another token', async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<LeaseAnswer>();
    const lease = leasing(() => answered);
    const crowd = Array.from({ length: 2000 }, async () => lease.verdictOf());
    expect((await lease.verdictOf()).code).toBe('rate_limited');
    const other = factsOf({ id: 'tok_2', limits: [rule({ key: 'token:tok_2:l' })] });
    const waits = lease.leases.take(other, 1);
    await lease.turn();
    lease.state.answer = async () => refusing(5);
    answer(granting(1));
    expect(await waits).toMatchObject({ allowed: true });
    await Promise.all(crowd);
    // However many tokens there are, so many wait and no more.
    lease.state.answer = () => new Promise(() => {});
    const many = Array.from({ length: 8000 }, (_, index) =>
      lease.leases.take({ ...other, limits: [rule({ key: `token:tok_${index % 8}_of_many:l` })] }, 1),
    );
    expect(await lease.leases.take({ ...other, limits: [rule({ key: 'token:tok_last:l' })] }, 1)).toMatchObject({
      allowed: false,
    });
    expect(many).toHaveLength(8000);
  });
});

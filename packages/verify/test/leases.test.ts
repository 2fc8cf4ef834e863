/** Shares of limits are spent without a call, asked for once at a time and ahead of their use, and never spent after their end. */
import { describe, expect, it } from 'vitest';
import type { TokenFacts } from '../src/index.ts';
import { type LeaseAnswer, leasesOver } from '../src/leases/lease-wire.ts';
import { isLeased } from '../src/leases/leased-limits.ts';
import { granting, leasing, refusing, rule } from './support/leasing.ts';
import { factsOf, TOKEN } from './support/tokens.ts';

describe('a share', () => {
  it('is asked for once by all who wait for it, and large enough for them', async () => {
    const { verdictOf, questions, recorded, facts } = leasing();
    const verdicts = await Promise.all(Array.from({ length: 50 }, async () => verdictOf()));
    expect(verdicts.map(({ code }) => code)).toEqual(Array.from({ length: 50 }, () => 'ok'));
    expect(questions[0]).toEqual({ digest: facts.secret.key, limit: 'l', want: 50, atLeast: 1 });
    // And one ahead of use, as all of the first is spent.
    expect(questions.slice(1)).toMatchObject([{ want: 100 }]);
    expect(recorded).toHaveLength(50);
  });

  it('is spent without a promise', async () => {
    const { verdictOf } = leasing(async () => granting(3));
    await verdictOf();
    expect(verdictOf()).toMatchObject({ valid: true, limits: [{ name: 'l', remaining: 101, retryAfterSeconds: 0 }] });
  });

  it('ends for good at its end, counted from before the question, also where the process did not run meanwhile', async () => {
    const { verdictOf, questions, state } = leasing();
    state.answer = async () => {
      state.time += 2000;
      return granting(10);
    };
    await verdictOf();
    state.answer = async () => refusing(30);
    state.time = 5999;
    expect((await verdictOf()).code).toBe('ok');
    state.time = 6000;
    expect((await verdictOf()).code).toBe('rate_limited');
    expect(questions).toHaveLength(2);
  });

  it('is followed by the next one before it is used up, while requests go on', async () => {
    const { spendAll, questions, turn, state } = leasing(async () => granting(10));
    await spendAll(4);
    expect(questions).toHaveLength(1);
    state.time = 100;
    await spendAll(1);
    expect(questions).toHaveLength(2);
    await turn();
    await spendAll(14);
    await turn();
    expect(questions).toHaveLength(3);
  });

  it('that cannot be had ahead of its use takes nothing from the present one, and is not asked for all the time', async () => {
    const { spendAll, verdictOf, questions, errors, turn, state } = leasing(async () => granting(10));
    await spendAll(1);
    state.answer = async () => {
      throw new Error('nobody answers');
    };
    await spendAll(4);
    await turn();
    await spendAll(5);
    expect(questions).toHaveLength(2);
    expect(errors).toMatchObject([{ message: 'nobody answers' }]);
    expect(await verdictOf()).toMatchObject({ valid: false, code: 'fault' });
    expect(questions).toHaveLength(2);
    state.time += 250;
    state.answer = async () => granting(10);
    await spendAll(1);
  });

  it('grows with use and shrinks with it: who uses little holds little', async () => {
    const { verdictOf, questions, turn, state } = leasing(async ({ want }) => granting(want));
    const use = async (seconds: number, everyMs: number): Promise<number> => {
      questions.length = 0;
      for (let ms = 0; ms < seconds * 1000; ms += everyMs) {
        state.time += everyMs;
        expect((await verdictOf()).code).toBe('ok');
        await turn();
      }
      return Math.max(...questions.map(({ want }) => want));
    };
    expect(await use(60, 10_000)).toBe(1);
    expect(await use(30, 10)).toBeGreaterThanOrEqual(250);
    // 3000 requests in 30 seconds: a question every second or less often, once it has grown.
    expect(questions.length).toBeLessThanOrEqual(30);
    await use(60, 10_000);
    expect(await use(60, 10_000)).toBe(1);
  });

  it('is no longer that of a limit that was edited', async () => {
    const { verdictOf, questions, tokens } = leasing(async ({ want, atLeast }) => granting(Math.max(want, atLeast)));
    await Promise.all(Array.from({ length: 20 }, async () => verdictOf()));
    await verdictOf();
    const before = questions.length;
    const edited = factsOf({ limits: [rule({ limit: 5, burst: 5 })] });
    tokens.add(TOKEN, edited);
    expect((await verdictOf(edited)).code).toBe('ok');
    expect(questions.length).toBe(before + 1);
  });
});

describe('a request', () => {
  it('is refused for as long as the server said, without asking again', async () => {
    const { verdictOf, questions, state, recorded } = leasing(async () => refusing(5));
    const refused = { valid: false, code: 'rate_limited' };
    expect(await verdictOf()).toMatchObject({ ...refused, limits: [{ remaining: 0, retryAfterSeconds: 5 }] });
    state.time = 3500;
    expect(await verdictOf()).toMatchObject({ ...refused, limits: [{ retryAfterSeconds: 2 }] });
    expect(questions).toHaveLength(1);
    state.time = 4000;
    state.answer = async () => granting(1);
    expect((await verdictOf()).code).toBe('ok');
    expect(recorded).toEqual([false, false, true]);
  });

  it('of a smaller cost is not refused for a greater one', async () => {
    const { verdictOf, questions } = leasing(async ({ atLeast }) => (atLeast > 2 ? refusing(60) : granting(2)));
    expect((await verdictOf(undefined, { cost: 3 })).code).toBe('rate_limited');
    expect((await verdictOf(undefined, { cost: 2 })).code).toBe('ok');
    expect(questions.map(({ atLeast }) => atLeast)).toEqual([3, 2]);
  });

  it('spends of all limits of its token or of none', async () => {
    const { verdictOf, leases, questions } = leasing(async ({ limit }) =>
      limit === 'narrow' ? refusing(9) : granting(4),
    );
    const both = factsOf({ limits: [rule({ name: 'wide' }), rule({ name: 'narrow' })] });
    const verdict = await verdictOf(both);
    expect(verdict).toMatchObject({
      code: 'rate_limited',
      limits: [
        { name: 'wide', retryAfterSeconds: 0, remaining: 104 },
        { name: 'narrow', retryAfterSeconds: 9 },
      ],
    });
    expect(questions).toHaveLength(2);
    const wide = factsOf({ limits: [rule({ name: 'wide' })] });
    for (let left = 4; left > 0; left -= 1) expect(leases.takeHeld(wide, 1)).toMatchObject({ allowed: true });
  });

  it.each([
    ['closed', undefined, 'fault'],
    ['closed', 'closed', 'fault'],
    ['refused, where nothing counts locally', 'local', 'fault'],
    ['passed uncounted', 'open', 'ok'],
  ] as const)('is %s while the server cannot be asked, as its limit says', async (_what, onFault, code) => {
    const { verdictOf, tokens } = leasing(async () => {
      throw new Error('nobody answers');
    });
    const facts = factsOf({ limits: [rule(onFault === undefined ? {} : { onFault })] });
    tokens.add(TOKEN, facts);
    expect((await verdictOf(facts)).code).toBe(code);
  });

  it('is judged by the server where it gives no share, whatever the limit says of faults', async () => {
    const { verdictOf, exactly, recorded, questions } = leasing(async () => undefined);
    const facts = factsOf({ limits: [rule({ onFault: 'open' })] });
    expect((await verdictOf(facts)).code).toBe('revoked');
    expect((await verdictOf(facts)).code).toBe('revoked');
    expect(exactly).toEqual([facts, facts]);
    expect(questions).toHaveLength(1);
    expect(recorded).toEqual([]);
  });

  it('is judged by the server where its token changed while a share was asked for', async () => {
    const { verdictOf, exactly, tokens, facts, state } = leasing();
    state.answer = async () => {
      tokens.add(TOKEN, factsOf({ limits: facts.limits, revokedAt: 1 }));
      return granting(5);
    };
    expect((await verdictOf()).code).toBe('revoked');
    expect(exactly).toEqual([facts]);
  });

  it('is judged here where its token was looked up again meanwhile, and is what it was', async () => {
    const { verdictOf, exactly, tokens, facts, state } = leasing();
    state.answer = async () => {
      const { id, ...others } = facts;
      tokens.add(TOKEN, { ...others, id });
      return granting(5);
    };
    expect((await verdictOf()).code).toBe('ok');
    expect(exactly).toEqual([]);
  });

  describe.each(['closed', 'local', 'open'] as const)(
    'where too many wait, and its limit is %s on faults',
    (onFault) => {
      const limits = [rule({ onFault })];
      const crowd = (lease: ReturnType<typeof leasing>, facts: TokenFacts) =>
        Array.from({ length: 2000 }, async () => lease.verdictOf(facts));

      it('is refused: callers cannot bring about what lets them pass uncounted', async () => {
        const { promise: answered, resolve: answer } = Promise.withResolvers<LeaseAnswer>();
        const lease = leasing(() => answered);
        const facts = factsOf({ limits });
        lease.tokens.add(TOKEN, facts);
        const waiting = crowd(lease, facts);
        expect(await lease.verdictOf(facts)).toMatchObject({
          code: 'rate_limited',
          limits: [{ retryAfterSeconds: 1 }],
        });
        answer(granting(1));
        lease.state.answer = async () => refusing(5);
        const codes = (await Promise.all(waiting)).map(({ code }) => code);
        expect(codes.filter((code) => code === 'ok')).toHaveLength(1);
        expect(new Set(codes)).toEqual(new Set(['ok', 'rate_limited']));
      });

      it('is what its limit says where the server has stopped answering', async () => {
        const lease = leasing(async () => {
          throw new Error('nobody answers');
        });
        const facts = factsOf({ limits });
        lease.tokens.add(TOKEN, facts);
        await lease.verdictOf(facts);
        lease.state.time += 250;
        lease.state.answer = () => new Promise(() => {});
        void crowd(lease, facts);
        expect((await lease.verdictOf(facts)).code).toBe(onFault === 'open' ? 'ok' : 'fault');
      });
    },
  );

  it('is refused, and not let pass, where others take each share before it', async () => {
    const lease = leasing();
    const facts = factsOf({ limits: [rule({ onFault: 'open' })] });
    lease.tokens.add(TOKEN, facts);
    // Spent as soon as it is here.
    const take = (): void => {
      if (lease.leases.takeHeld(facts, 1)?.allowed !== true) queueMicrotask(take);
    };
    lease.state.answer = async () => {
      take();
      return granting(1);
    };
    const { code } = await lease.verdictOf(facts);
    expect(code).toBe('rate_limited');
    expect(lease.questions).toHaveLength(32);
  });
});

describe('what is remembered', () => {
  it('is bounded, whatever the number of limits', async () => {
    const { leases, tokens, verdictOf } = leasing(async () => granting(1));
    for (let index = 0; index < 1000; index += 1) {
      const facts = factsOf({ limits: [rule({ key: `token:tok_${index}:l` })] });
      tokens.add(TOKEN, facts);
      expect((await verdictOf(facts)).code).toBe('ok');
    }
    expect(leases.size()).toBeLessThanOrEqual(100);
  });
});

describe('a token', () => {
  it.each([
    [true, { limits: [rule(), rule({ name: 'other' })] }],
    [false, { limits: [] }],
    [false, { limits: [rule(), rule({ name: 'other', mode: 'exact' })] }],
    [false, { limits: [rule()], quotas: [{ key: 'q', name: 'q', limit: 1, period: 'day' as const }] }],
    [false, { limits: [rule()], shadow: { limits: [], quotas: [] } }],
  ])('is counted by shares: %s, with %o', (leased, parts) => {
    expect(isLeased(factsOf(parts))).toBe(leased);
  });
});

describe('an answer', () => {
  const good = { granted: 4, seconds: 6, state: { remaining: 3, resetSeconds: 2 }, retryAfterSeconds: 0 };
  const ask = (answer: unknown) =>
    leasesOver({ post: async () => answer, isRefusal: () => false })({
      digest: factsOf().secret.key,
      limit: 'l',
      want: 4,
      atLeast: 2,
    });

  it('grants what it says', async () => {
    expect(await ask({ ...good, more: 1 })).toEqual({
      granted: 4,
      seconds: 6,
      remaining: 3,
      resetSeconds: 2,
      retryAfterSeconds: 0,
    });
  });

  it.each([
    ['more than was asked for', { ...good, granted: 5 }],
    ['less than was needed', { ...good, granted: 1 }],
    ['a part of a request', { ...good, granted: 2.5 }],
    ['what is no number', { ...good, granted: '4' }],
    ['for no time', { ...good, seconds: 0 }],
    ['without a state', { ...good, state: undefined }],
    ['nothing at all', null],
  ])('is not understood where it grants %s', async (_what, answer) => {
    await expect(ask(answer)).rejects.toThrow('must be');
  });
});

/** Shares of limits of a server that answers what the test says. */
import { expect } from 'vitest';
import { deny, type LimitRule, type TokenFacts, type Verdict } from '../../src/index.ts';
import type { AskForLease, LeaseAnswer, LeaseQuestion } from '../../src/leases/lease-wire.ts';
import { leasedLimits } from '../../src/leases/leased-limits.ts';
import { leasedVerdict } from '../../src/leases/leased-verdict.ts';
import { asked, portsOf } from './ports.ts';
import { factsOf, lookupOf, TOKEN } from './tokens.ts';

export function rule(parts: Partial<LimitRule> = {}): LimitRule {
  const { name = 'l' } = parts;
  const own = { name, limit: 1000, windowSeconds: 60, burst: 1000, cost: 1, mode: 'approximate' } as const;
  return { key: `token:tok_1:${name}`, ...own, ...parts };
}

export const granting = (granted: number): LeaseAnswer => ({
  granted,
  seconds: 6,
  remaining: 100,
  resetSeconds: 30,
  retryAfterSeconds: 0,
});
export const refusing = (wait: number): LeaseAnswer => ({ ...granting(0), remaining: 0, retryAfterSeconds: wait });

/** Leases of a server that answers what the test says, on a clock that the test holds. */
export function leasing(answer: AskForLease = async ({ want }) => granting(want)) {
  const questions: LeaseQuestion[] = [];
  const errors: unknown[] = [];
  const state = { time: 0, answer };
  const leases = leasedLimits({
    ask: (question) => {
      questions.push(question);
      return state.answer(question);
    },
    monotonic: () => state.time,
    most: 100,
    onError: (error) => errors.push(error),
  });
  const facts = factsOf({ limits: [rule()] });
  const tokens = lookupOf([TOKEN, facts]);
  const exactly: TokenFacts[] = [];
  const recorded: boolean[] = [];
  const verdictOf = (of = facts, circumstances = {}) =>
    leasedVerdict(of, asked({ circumstances }), {
      leases,
      ports: portsOf({ tokens, onFault: (error) => errors.push(error) }),
      exact: async (): Promise<Verdict> => {
        exactly.push(of);
        return deny('revoked');
      },
      record: (allowed) => recorded.push(allowed),
    });
  const spendAll = async (count: number): Promise<void> => {
    for (let spent = 0; spent < count; spent += 1) expect((await verdictOf()).code).toBe('ok');
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { leases, questions, errors, state, facts, tokens, exactly, recorded, verdictOf, spendAll, turn };
}

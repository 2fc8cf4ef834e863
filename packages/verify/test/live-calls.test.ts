/** Calls that last are followed at a bounded cost: a change that concerns all of them is no flood, and nobody waits for long. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Deny, deny, type JudgedCall, liveCalls, type TokenFacts, type Verdict } from '../src/index.ts';
import { allow } from '../src/verdict.ts';
import { factsOf } from './support/tokens.ts';

const facts = factsOf({ expiresAt: undefined });
const PASSES: Verdict = allow(facts, []);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Judging {
  /** Verdicts that were asked for. */
  asked: number;
  /** Asked for and not made yet. */
  readonly open: ((verdict: Verdict) => void)[];
  readonly cut: string[];
}

function following(more: Partial<Parameters<typeof liveCalls>[0]> = {}) {
  const judging: Judging = { asked: 0, open: [], cut: [] };
  const live = liveCalls({ now: Date.now, fresh: () => true, boundMs: 5000, ...more });
  const call = (parts: Partial<JudgedCall> = {}): JudgedCall => ({
    facts,
    judge: () => {
      judging.asked += 1;
      return PASSES;
    },
    cut: ({ code, detail }: Deny) => judging.cut.push(`${code}: ${detail}`),
    ...parts,
  });
  /** Whose verdicts are made when the test says so. */
  const waiting = (parts: Partial<JudgedCall> = {}): JudgedCall =>
    call({
      judge: () => {
        judging.asked += 1;
        return new Promise((resolve) => judging.open.push(resolve));
      },
      ...parts,
    });
  return { live, judging, call, waiting };
}

describe('calls that end within a second', () => {
  it('are never judged again, and no timer stays', async () => {
    const { live, judging, call } = following();
    for (let number = 0; number < 10_000; number += 1) live.follow(call()).end();
    const last = live.follow(call());
    await vi.advanceTimersByTimeAsync(900);
    last.end();
    await vi.advanceTimersByTimeAsync(5000);
    expect([live.count(), judging.asked, vi.getTimerCount()]).toEqual([0, 0, 0]);
  });

  it('do not keep others from being followed', async () => {
    const { live, call } = following();
    const calls = Array.from({ length: 5 }, () => live.follow(call()));
    calls[0]?.end();
    calls[2]?.end();
    calls[4]?.end();
    await vi.advanceTimersByTimeAsync(2000);
    expect(live.count()).toBe(2);
  });
});

describe('a change that concerns very many', () => {
  const followed = async (count: number) => {
    const { live, judging, waiting } = following();
    for (let number = 0; number < count; number += 1) live.follow(waiting());
    await vi.advanceTimersByTimeAsync(1500);
    return { live, judging };
  };

  it('is no more than a hundred questions at once, and all of them are asked', async () => {
    const { live, judging } = await followed(1000);
    expect([live.count(), judging.open.length]).toEqual([1000, 100]);
    for (let round = 1; round <= 10; round += 1) {
      for (const answer of judging.open.splice(0)) answer(PASSES);
      await vi.advanceTimersByTimeAsync(10);
    }
    expect([judging.asked, live.count()]).toEqual([1000, 1000]);
    live.changed({ kind: 'owner.updated', id: 'own_1' });
    live.changed({ kind: 'owner.updated', id: 'own_2' });
    await vi.advanceTimersByTimeAsync(10);
    expect(judging.open).toHaveLength(100);
  });

  it('cuts those whose verdict, or whose turn, does not come', async () => {
    const { live, judging } = await followed(1000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(live.count()).toBe(0);
    expect(new Set(judging.cut)).toEqual(new Set(['fault: the verdict took too long']));
    expect(judging.cut).toHaveLength(1000);
    // A verdict that comes when it is over changes nothing.
    for (const answer of judging.open.splice(0)) answer(deny('revoked'));
    await vi.advanceTimersByTimeAsync(1000);
    expect(judging.cut).toHaveLength(1000);
  });
});

describe('of two verdicts under way', () => {
  it.each<[string, readonly [Verdict, Verdict], string, number]>([
    ['a refusal holds, whichever it is', [deny('revoked'), PASSES], 'first', 0],
    ['a refusal holds, whichever it is', [PASSES, deny('revoked')], 'first', 0],
    ['the later one tells what is known', [allow({ ...facts, id: 'tok_9' } as TokenFacts, []), PASSES], 'last', 1],
  ])('%s', async (_name, verdicts, order, left) => {
    const { live, judging, waiting } = following();
    live.follow(waiting()).lasts();
    await vi.advanceTimersByTimeAsync(10);
    live.changed({ kind: 'token.updated', id: 'tok_1' });
    await vi.advanceTimersByTimeAsync(10);
    const answers = judging.open.map((answer, at) => () => answer(verdicts[at] ?? PASSES));
    for (const answer of order === 'first' ? answers : answers.reverse()) {
      answer();
      await vi.advanceTimersByTimeAsync(0);
    }
    expect([live.count(), judging.asked]).toEqual([left, 2]);
    live.changed({ kind: 'token.updated', id: 'tok_1' });
    await vi.advanceTimersByTimeAsync(10);
    expect(judging.asked).toBe(2 + left);
  });
});

describe('what ends by time', () => {
  it.each<[string, Partial<JudgedCall>]>([
    ['the token', { facts: factsOf({ expiresAt: 10_000 }) }],
    ['the secret', { facts: factsOf({ expiresAt: undefined, secret: { ...facts.secret, until: 10_000 } }) }],
    ['the certificate of the connection', { endsAt: 10_000 }],
  ])('is judged then: %s', async (_name, parts) => {
    let now = 0;
    const { live, call } = following({ now: () => now });
    const judge = vi.fn(() => allow(parts.facts ?? facts, []));
    live.follow(call({ ...parts, judge })).lasts();
    await vi.advanceTimersByTimeAsync(3000);
    expect(judge).toHaveBeenCalledTimes(1);
    now = 10_000;
    await vi.advanceTimersByTimeAsync(260);
    expect(judge).toHaveBeenCalledTimes(2);
  });
});

it('while no change can be heard of all are judged, at once and then at the bound', async () => {
  let isFresh = true;
  const { live, judging, call } = following({ fresh: () => isFresh });
  live.follow(call()).lasts();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(judging.asked).toBe(1);
  isFresh = false;
  await vi.advanceTimersByTimeAsync(260);
  expect(judging.asked).toBe(2);
  await vi.advanceTimersByTimeAsync(10_600);
  expect(judging.asked).toBe(4);
});

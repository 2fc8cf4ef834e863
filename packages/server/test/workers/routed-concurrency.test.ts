/** Several workers share the places of requests under way, and nothing is held by a worker that is gone or a request that gave up. */
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { memoryConcurrency } from '../../src/limits/concurrency.ts';
import { converse } from '../../src/workers/conversation.ts';
import { type Placing, placesOf, routedConcurrency } from '../../src/workers/routed-concurrency.ts';

const RULES = [
  { key: 'a', name: 'a', limit: 3 },
  { key: 'b', name: 'b', limit: 9 },
];

function workers(count: number) {
  const counting = memoryConcurrency();
  return Array.from({ length: count }, () => {
    const { port1, port2 } = new MessageChannel();
    onTestFinished(() => port1.close());
    const places = placesOf(counting);
    converse<Record<never, never>, Placing>(port2, { ...places });
    const conversation = converse<Placing, Record<never, never>>(port1, {});
    return { concurrency: routedConcurrency(conversation, 5000), conversation, places };
  });
}

describe('workers', () => {
  test('get together as many places as there are, all rules or none, and give them back once', async () => {
    const [one, two] = workers(2);
    const take = async () => [await one?.concurrency.take(RULES, 'spend'), await two?.concurrency.take(RULES, 'spend')];
    const outcomes = [...(await take()), ...(await take())];
    expect(outcomes.map((outcome) => outcome?.allowed)).toEqual([true, true, true, false]);
    expect(outcomes[3]?.states.map(({ name, remaining }) => [name, remaining])).toEqual([
      ['a', 0],
      ['b', 6],
    ]);
    expect(outcomes[3]?.release).toBeUndefined();
    outcomes[0]?.release?.();
    outcomes[0]?.release?.();
    expect((await take()).map((outcome) => outcome?.allowed)).toEqual([true, false]);
  });

  test('take no place to look', async () => {
    const [one] = workers(1);
    for (let look = 0; look < 5; look += 1) {
      expect(await one?.concurrency.take(RULES, 'peek')).toMatchObject({ allowed: true, release: undefined });
    }
  });

  test('that are gone hold nothing', async () => {
    const [dying, other] = workers(2);
    for (let taken = 0; taken < 3; taken += 1) await dying?.concurrency.take(RULES, 'spend');
    expect((await other?.concurrency.take(RULES, 'spend'))?.allowed).toBe(false);
    dying?.places.end();
    // What it asked for before it died may be read after.
    await dying?.concurrency.take(RULES, 'spend');
    for (let taken = 0; taken < 3; taken += 1) {
      expect((await other?.concurrency.take(RULES, 'spend'))?.allowed).toBe(true);
    }
  });

  test('hold nothing for a request that did not wait for its answer', async () => {
    const [one] = workers(1);
    const impatient = routedConcurrency({ ask: () => Promise.reject(new Error('too late')), tell: () => {} }, 0);
    await expect(async () => impatient.take(RULES, 'spend')).rejects.toThrow('too late');
    if (one === undefined) throw new Error('there is one');
    const { conversation, concurrency } = one;
    const asked = conversation.ask('occupy', { id: 77, rules: RULES, mode: 'spend' }, 5000);
    conversation.tell('vacate', 77);
    await asked;
    await turn();
    for (let taken = 0; taken < 3; taken += 1) expect((await concurrency.take(RULES, 'spend')).allowed).toBe(true);
  });
});

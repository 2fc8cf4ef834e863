/** Two threads ask each other: every question ends, with an answer, an error, or the time that is allowed for it. */
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { converse } from '../../src/workers/conversation.ts';

type Sums = {
  readonly sum: { readonly asks: readonly number[]; readonly answers: number };
  readonly never: { readonly asks: undefined; readonly answers: number };
};

function aCalculator() {
  const { port1, port2 } = new MessageChannel();
  onTestFinished(() => port1.close());
  const asker = converse<Sums, Record<never, never>>(port1, {});
  converse<Record<never, never>, Sums>(port2, {
    async sum(numbers) {
      if (numbers.length === 0) throw new Error('nothing to add');
      return numbers.reduce((sum, one) => sum + one);
    },
    never: () => new Promise(() => {}),
  });
  return asker;
}

describe('a question', () => {
  test('is answered, whatever else is asked meanwhile', async () => {
    const asker = aCalculator();
    const answers = [1, 2, 3].map((number) => asker.ask('sum', [number, 10]));
    asker.tell('sum', []);
    expect(await Promise.all(answers)).toEqual([11, 12, 13]);
  });

  test('is refused with the words of what was thrown', async () => {
    await expect(aCalculator().ask('sum', [])).rejects.toThrow(new Error('nothing to add'));
  });

  test('ends after its time', async () => {
    await expect(aCalculator().ask('never', undefined, 5)).rejects.toThrow(
      new Error('a thread did not answer never within 5 ms'),
    );
  });

  test('ends when the other thread is gone, also one that comes after', async () => {
    const asker = aCalculator();
    const asked = asker.ask('never', undefined);
    asker.end();
    await expect(asked).rejects.toThrow('the thread that was asked is gone');
    await expect(asker.ask('sum', [1])).rejects.toThrow('the thread that was asked for sum is gone');
  });
});

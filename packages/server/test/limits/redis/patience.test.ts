/** Nobody waits for Redis for longer than a quarter of a second; what is slow is still asked, and what is silent is left. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { patience, RedisAway } from '../../../src/limits/redis/patience.ts';

const AWAY = new RedisAway('Redis does not answer');

describe('patience', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function watched() {
    const silent: RedisAway[] = [];
    const waiting = patience((error) => silent.push(error));
    const answers: (() => void)[] = [];
    const told: string[] = [];
    const ask = (): void => {
      const name = `${told.length}`;
      told.push(name);
      const answer = new Promise<void>((resolve) => answers.push(resolve));
      waiting
        .wait(() => answer)
        .then(
          () => told.splice(told.indexOf(name), 1, `${name} answered`),
          (error: Error) => told.splice(told.indexOf(name), 1, `${name} ${error.message}`),
        );
    };
    return { silent, ask, answer: () => answers.shift()?.(), told };
  }

  it('ends with one who says nothing, within 250 ms', async () => {
    const { silent, ask, told } = watched();
    ask();
    await vi.advanceTimersByTimeAsync(150);
    ask();
    expect(silent).toEqual([]);
    await vi.advanceTimersByTimeAsync(99);
    expect(silent[0]).toEqual(AWAY);
    expect(told[0]).toBe('0 Redis does not answer');
  });

  it('does not end with one who answers others meanwhile, and refuses those alone whom it keeps waiting', async () => {
    const { silent, ask, answer, told } = watched();
    for (let request = 0; request < 40; request += 1) ask();
    for (let request = 0; request < 30; request += 1) {
      await vi.advanceTimersByTimeAsync(30);
      answer();
    }
    await vi.advanceTimersByTimeAsync(1);
    expect(silent).toEqual([]);
    expect(told.slice(0, 6)).toEqual([0, 1, 2, 3, 4, 5].map((name) => `${name} answered`));
    expect(told.slice(8)).toEqual(told.slice(8).map((_, index) => `${index + 8} Redis does not answer`));
    ask();
    await vi.advanceTimersByTimeAsync(250);
    expect(silent.length).toBeGreaterThan(0);
  });

  it('reads first what has arrived while this process was held up', async () => {
    const { silent, ask, answer, told } = watched();
    ask();
    // The timers that are due run before the answer is read, as after a long pause.
    setTimeout(() => setImmediate(answer), 200);
    await vi.advanceTimersByTimeAsync(200);
    await vi.advanceTimersByTimeAsync(200);
    expect({ silent, told }).toEqual({ silent: [], told: ['0 answered'] });
  });

  it('costs no timer while nobody waits', async () => {
    const { ask, answer } = watched();
    ask();
    answer();
    await vi.advanceTimersByTimeAsync(80);
    expect(vi.getTimerCount()).toBe(0);
  });
});

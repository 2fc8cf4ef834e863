/** Waits for what no event tells: asks again until it is so, within a bound. */
import { setTimeout as delay } from 'node:timers/promises';

const PAUSE_MS = 10;

/** The first answer that satisfies; throws where one that was asked for later than the bound does not. Default 10 seconds. */
export async function until<T>(ask: () => Promise<T>, satisfies: (answer: T) => boolean, ms = 10_000): Promise<T> {
  const deadline = performance.now() + ms;
  for (;;) {
    const isLast = performance.now() > deadline;
    const answer = await ask();
    if (satisfies(answer)) return answer;
    if (isLast) throw new Error(`not within ${ms} ms; last: ${JSON.stringify(answer)}`);
    await delay(PAUSE_MS);
  }
}

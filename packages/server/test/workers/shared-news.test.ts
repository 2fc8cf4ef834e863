/** One word of memory tells all workers of the newest change, in any order of telling, and wakes those that listen. */
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { newsWord, sharedNews } from '../../src/workers/shared-news.ts';

describe('news', () => {
  it.each([0, 41, 2 ** 31 - 2, 2 ** 32 - 2, 2 ** 52])('is what comes after change %d, and nothing before', (seq) => {
    const news = sharedNews(newsWord(seq));
    expect(news.isAfter(seq)).toBe(false);
    news.announce(seq + 3);
    news.announce(seq + 2);
    expect([seq, seq + 2, seq + 3, seq + 4].map(news.isAfter)).toEqual([true, true, false, false]);
  });

  it('wakes a listener each time another thread announces', async () => {
    const word = newsWord(7);
    const news = sharedNews(word);
    const heard = new EventTarget();
    news.onNews(() => heard.dispatchEvent(new Event('news')));
    for (const seq of [8, 9, 10]) {
      const told = new Promise((resolve) => heard.addEventListener('news', resolve, { once: true }));
      // Loaded as text, so that nothing but the memory is shared.
      const script = `const { workerData } = require('node:worker_threads');
        Atomics.store(workerData.word, 0, workerData.seq); Atomics.notify(workerData.word, 0);`;
      const thread = new Worker(script, { eval: true, workerData: { word, seq } });
      await told;
      expect([news.isAfter(seq - 1), news.isAfter(seq)]).toEqual([true, false]);
      await thread.terminate();
    }
  });
});

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Pool } from 'undici';
import { expect, it } from 'vitest';

const REQUESTS = 6400;
const AT_ONCE = 32;

it('leaves nothing of a request behind that only a full garbage collection would clear', async () => {
  const worker = new Worker(new URL('./serving-thread.ts', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  const next = async (): Promise<number> => (await once(worker, 'message'))[0] as number;
  const old = (): Promise<number> => {
    worker.postMessage('old');
    return next();
  };
  const pool = new Pool(`http://127.0.0.1:${await next()}`, { connections: AT_ONCE });
  const one = async (): Promise<void> => {
    const { statusCode, body } = await pool.request({ path: '/', method: 'GET' });
    expect(statusCode).toBe(200);
    await body.dump();
  };
  const ask = async (times: number): Promise<void> => {
    for (let asked = 0; asked < times; asked += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, one));
  };
  try {
    // Whatever is made once is there, and compiled.
    await ask(REQUESTS);
    const before = await old();
    await ask(REQUESTS);
    // Node itself leaves some 8 bytes; a Map of the requests under way left 160 here, and 5,000 in a busy gateway.
    expect(((await old()) - before) / REQUESTS).toBeLessThan(60);
  } finally {
    await pool.close();
    await worker.terminate();
  }
});

/** Rate limits are exact, count all or nothing, and cost what the caller says; quotas outlive a crash. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, caller, newWorkspace, together } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { unlessOverloaded } from './support/unless-overloaded.ts';
import { until } from './support/until.ts';

describe('limits', () => {
  let server: Server;
  let admin: Caller;
  beforeAll(async () => {
    server = await startServer();
    ({ admin } = await newWorkspace(server));
  });
  afterAll(endServers);

  const codes = async (token: string, count: number): Promise<string[]> =>
    (await together(count, () => unlessOverloaded(() => admin.ask('verify.one', { body: { token } })))).map(
      ({ body }) => String(body.code),
    );
  const passed = (found: readonly string[]): number => found.filter((code) => code === 'ok').length;

  it('let exactly 100 of 500 at once pass', async () => {
    const { token } = await admin.mint({ limits: [{ limit: 100, window: 86_400 }] });
    const found = await codes(token, 500);
    expect(passed(found)).toBe(100);
    expect(found.filter((code) => code === 'rate_limited')).toHaveLength(400);
  });

  it('let no more pass in any stretch than the burst and what came back meanwhile', async () => {
    const { token } = await admin.mint({ limits: [{ limit: 100, window: 60 }] });
    const start = performance.now();
    const found = [...(await codes(token, 250)), ...(await codes(token, 250))];
    const seconds = (performance.now() - start) / 1000;
    expect(passed(found)).toBeGreaterThanOrEqual(100);
    expect(passed(found)).toBeLessThanOrEqual(100 + Math.floor((seconds * 100) / 60));
  });

  it('let a burst of their own pass, smaller or larger than the limit', async () => {
    for (const burst of [3, 30]) {
      const { token } = await admin.mint({ limits: [{ limit: 10, window: 86_400, burst }] });
      expect(passed(await codes(token, 50))).toBe(burst);
    }
  });

  it('count in every window or in none', async () => {
    const limits = [
      { name: 'wide', limit: 5, window: 86_400 },
      { name: 'narrow', limit: 3, window: 86_400 },
    ];
    const { token } = await admin.mint({ limits });
    expect(passed(await codes(token, 20))).toBe(3);
    const refused = await admin.verify(token);
    expect(refused).toMatchObject({ valid: false, code: 'rate_limited' });
    expect(refused.limits?.map(({ name, remaining }) => [name, remaining])).toEqual([
      ['wide', 2],
      ['narrow', 0],
    ]);
  });

  it('charge what a request costs, whole or not at all', async () => {
    const { token } = await admin.mint({ limits: [{ name: 'l', limit: 10, window: 86_400 }] });
    expect((await admin.verify(token, { cost: 6 })).limits).toMatchObject([{ remaining: 4 }]);
    expect(await admin.verify(token, { cost: 5 })).toMatchObject({ code: 'rate_limited', limits: [{ remaining: 4 }] });
    expect((await admin.verify(token, { cost: 4 })).limits).toMatchObject([{ remaining: 0 }]);
    const dear = await admin.mint({ limits: [{ limit: 10, window: 86_400, cost: 5 }] });
    expect(passed(await codes(dear.token, 10))).toBe(2);
  });

  it('belong to the token, not to its secret, and change with it', async () => {
    const { token, id } = await admin.mint({ limits: [{ name: 'l', limit: 2, window: 86_400 }] });
    expect(passed(await codes(token, 5))).toBe(2);
    const next = await admin.do('tokens.rotate', { id });
    expect((await admin.verify(next.token)).code).toBe('rate_limited');
    await admin.do('tokens.update', { id, body: { limits: [] } });
    expect((await admin.verify(token)).code).toBe('ok');
  });

  it('charge a quota for what passes alone', async () => {
    const limits = [{ name: 'l', limit: 2, window: 86_400 }];
    const { token } = await admin.mint({ limits, quota: { limit: 5, period: 'day' } });
    expect(passed(await codes(token, 10))).toBe(2);
    const { limits: states } = await admin.verify(token, { mode: 'explain' });
    expect(states?.find(({ name }) => name === 'l')?.remaining).toBe(0);
    const free = await admin.mint({ quota: { limit: 5, period: 'day' } });
    await admin.verify(free.token, { scopes: ['missing'] });
    expect(passed(await codes(free.token, 20))).toBe(5);
  });

  it('share the quota of an owner among its tokens', async () => {
    const body = { type: 'customer' as const, name: 'c', quota: { limit: 3, period: 'month' as const } };
    const owner = (await admin.do('owners.create', { body })).id;
    const tokens = [await admin.mint({ owner }), await admin.mint({ owner })];
    const found = await Promise.all(tokens.map(({ token }) => codes(token, 5)));
    expect(passed(found.flat())).toBe(3);
    expect(found.flat().filter((code) => code === 'quota_exceeded')).toHaveLength(7);
  });

  it('never answer more than a quota allows, through three crashes', { timeout: STARTS_MS }, async () => {
    const LIMIT = 150;
    const CLIENTS = 8;
    let current = await startServer();
    const minted = await caller(current, current.rootToken).mint({ quota: { limit: LIMIT, period: 'month' } });
    let answered = 0;
    let crashes = 0;
    const spend = async (stopAt: number): Promise<void> => {
      const root = caller(current, current.rootToken);
      const client = async (): Promise<void> => {
        while (answered < stopAt) {
          const { code } = await root.verify(minted.token);
          if (code === 'quota_exceeded') return;
          expect(code).toBe('ok');
          answered += 1;
        }
      };
      await Promise.allSettled(Array.from({ length: CLIENTS }, client));
    };
    for (const stopAt of [30, 60, 90]) {
      const running = spend(Number.POSITIVE_INFINITY);
      // Killed in the middle of answering, as soon as so many were answered.
      await until(
        async () => answered,
        (count) => count >= stopAt,
      );
      await current.kill();
      crashes += 1;
      await running;
      current = await startServer({ data: current.data, rootToken: current.rootToken });
    }
    await spend(Number.POSITIVE_INFINITY);
    expect((await caller(current, current.rootToken).verify(minted.token)).code).toBe('quota_exceeded');
    expect(answered).toBeLessThanOrEqual(LIMIT);
    // What was charged and not answered can only have been under way at a crash.
    expect(answered).toBeGreaterThanOrEqual(LIMIT - crashes * CLIENTS);
  });
});

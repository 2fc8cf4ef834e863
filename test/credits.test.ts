/** Credits: granted, spent to the last, topped up while in use, told by the API; and what was answered survives kill -9. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, caller, newWorkspace, together } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';

/** Three in CI; `TESSERA_CREDIT_KILLS=50` is the long form. */
const KILLS = Number(process.env.TESSERA_CREDIT_KILLS ?? 3);
const CLIENTS = 8;

afterAll(endServers);

describe('credits of a token', () => {
  let server: Server;
  let admin: Caller;
  beforeAll(async () => {
    server = await startServer();
    ({ admin } = await newWorkspace(server));
  });

  const codes = async (token: string, count: number): Promise<string[]> =>
    (await together(count, () => admin.verify(token))).map(({ code }) => code);
  const passed = (found: readonly string[]): number => found.filter((code) => code === 'ok').length;
  const left = async (id: string) => (await admin.do('tokens.get', { id })).credits;

  it('let exactly as many of fifty at once pass, and say why the others do not', async () => {
    const { token, id, credits } = await admin.mint({ credits: { remaining: 20 } });
    expect(credits).toEqual({ remaining: 20, refill: null });
    const found = await codes(token, 50);
    expect([passed(found), found.filter((code) => code === 'quota_exceeded').length]).toEqual([20, 30]);
    expect(await left(id)).toEqual({ remaining: 0, refill: null });
    expect(await admin.verify(token)).toMatchObject({ code: 'quota_exceeded', detail: 'credits are used up' });
    const { steps } = await admin.verify(token, { mode: 'explain' });
    expect(steps?.find(({ check }) => check === 'quotas')).toMatchObject({
      outcome: 'refused',
      detail: 'credits are used up',
    });
  });

  it('are spent by cost, whole or not at all, beside quotas', async () => {
    const { token, id } = await admin.mint({
      credits: { remaining: 10, refill: { amount: 5, period: 'month' } },
      quota: { limit: 8, period: 'day' },
    });
    expect((await admin.verify(token, { cost: 7 })).limits).toMatchObject([
      { name: 'quota-day', remaining: 1 },
      { name: 'credits', limit: 10, remaining: 3 },
    ]);
    expect((await admin.verify(token, { cost: 2 })).code).toBe('quota_exceeded');
    expect(await left(id)).toEqual({ remaining: 3, refill: { amount: 5, period: 'month' } });
  });

  it('are changed while they are used: what is added is added to what is left', async () => {
    const { token, id } = await admin.mint({ credits: { remaining: 30 } });
    const body = { credits: { add: 5 } };
    const [found] = await Promise.all([codes(token, 40), together(4, () => admin.do('tokens.update', { id, body }))]);
    const all = passed(found) + passed(await codes(token, 40));
    expect(all).toBe(50);
    expect((await admin.do('tokens.update', { id, body: { credits: { remaining: 2 } } })).credits?.remaining).toBe(2);
    expect(passed(await codes(token, 5))).toBe(2);
    expect((await admin.do('tokens.update', { id, body: { credits: null } })).credits).toBeNull();
    expect(passed(await codes(token, 5))).toBe(5);
    const audit = await admin.do('audit.list', { query: { target: id, limit: 100 } });
    expect(audit.items.at(-1)?.details).toMatchObject({ creditsLeft: { from: 0, to: null } });
  });

  it.each([
    [{ remaining: -1 }, '/credits/remaining'],
    [{ remaining: 1.5 }, '/credits/remaining'],
    [{ remaining: 1e308 }, '/credits/remaining'],
    [{ remaining: 1, refill: { amount: 0, period: 'day' } }, '/credits/refill/amount'],
    [{ remaining: 1, refill: { amount: 1, period: 'year' } }, '/credits/refill/period'],
  ])('of %j are refused', async (credits, pointer) => {
    const answer = await admin.ask('tokens.create', { body: { name: 'x', scopes: [], credits } as never });
    expect([answer.status, answer.text]).toEqual([422, expect.stringContaining(pointer)]);
  });

  it.each([
    [{ add: 0 }, '/credits/add'],
    [{ remaining: 1, add: 1 }, '/credits/add'],
    [{ refill: null }, '/credits/remaining'],
    [{ add: 1e12, remaining: undefined }, undefined],
  ])('are not changed by %j of a token without any', async (credits, pointer) => {
    const { id } = await admin.mint();
    const answer = await admin.ask('tokens.update', { id, body: { credits } as never });
    if (pointer === undefined) expect(answer.status).toBe(200);
    else expect([answer.status, answer.text]).toEqual([422, expect.stringContaining(pointer)]);
  });

  it.each([0, -1, 1.5, 1e308, '1', null])('are not given back by a cost of %j', async (cost) => {
    const { token, id } = await admin.mint({ credits: { remaining: 3 } });
    const answer = await admin.ask('verify.one', { body: { token, cost } as never });
    expect(answer.status).toBe(422);
    expect((await left(id))?.remaining).toBe(3);
  });

  it('of a shadow policy are told beside: what it would have refused passes', async () => {
    const { token } = await admin.mint({
      limits: [{ name: 'tried', limit: 1, window: 86_400, mode: 'shadow' }],
      quota: { limit: 1, period: 'day', mode: 'shadow' },
    });
    expect((await admin.verify(token)).shadowed).toBeUndefined();
    expect(await admin.verify(token)).toMatchObject({
      valid: true,
      shadowed: [
        { policy: 'limits', code: 'rate_limited', detail: 'used up: tried' },
        { policy: 'quotas', code: 'quota_exceeded', detail: 'used up: quota-day' },
      ],
    });
    const { steps } = await admin.verify(token, { mode: 'explain' });
    expect(steps?.filter(({ outcome }) => outcome === 'shadowed').map(({ check }) => check)).toEqual([
      'limits',
      'quotas',
    ]);
  });
});

it(`credits that were answered stay spent, through ${KILLS} crashes`, {
  timeout: STARTS_MS + KILLS * 20_000,
}, async () => {
  const CREDITS = 60 * (KILLS + 1);
  let current = await startServer();
  const minted = await caller(current, current.rootToken).mint({ credits: { remaining: CREDITS } });
  let answered = 0;
  const spend = async (): Promise<void> => {
    const root = caller(current, current.rootToken);
    const client = async (): Promise<void> => {
      for (;;) {
        const { code } = await root.verify(minted.token);
        if (code === 'quota_exceeded') return;
        expect(code).toBe('ok');
        answered += 1;
      }
    };
    await Promise.allSettled(Array.from({ length: CLIENTS }, client));
  };
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const running = spend();
    await until(
      async () => answered,
      (count) => count >= kill * 30,
    );
    await current.kill();
    await running;
    current = await startServer({ data: current.data, rootToken: current.rootToken });
    const { credits } = await caller(current, current.rootToken).do('tokens.get', { id: minted.id });
    const spent = CREDITS - (credits?.remaining ?? Number.NaN);
    // Used is never less than answered; more by at most what was under way at each crash.
    expect(spent).toBeGreaterThanOrEqual(answered);
    expect(spent).toBeLessThanOrEqual(answered + kill * CLIENTS);
  }
  await spend();
  expect((await caller(current, current.rootToken).verify(minted.token)).code).toBe('quota_exceeded');
  expect(answered).toBeLessThanOrEqual(CREDITS);
  expect(answered).toBeGreaterThanOrEqual(CREDITS - KILLS * CLIENTS);
});

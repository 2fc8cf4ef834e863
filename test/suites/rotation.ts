/** Rotation: same token, new secret, at most two alive, and undone while the grace runs. Run on every store. */
import { beforeAll, expect, it } from 'vitest';
import { type Caller, insist, newWorkspace, problemOf, together } from '../support/call.ts';
import type { Server } from '../support/server.ts';
import { until } from '../support/until.ts';

const DAY = 86_400_000;

export function rotation(server: () => Server): void {
  let admin: Caller;
  beforeAll(async () => {
    ({ admin } = await newWorkspace(server()));
  });
  const codes = async (...tokens: string[]): Promise<string[]> =>
    (await Promise.all(tokens.map((token) => admin.verify(token)))).map(({ code }) => code);
  const statesOf = async (id: string): Promise<string[]> =>
    (await admin.do('tokens.get', { id })).secrets.map(({ state }) => state);

  it('keeps the old secret for a day unless told otherwise, under the same id', async () => {
    const old = await admin.mint({ scopes: ['a'] });
    const before = Date.now();
    const answer = await admin.ask('tokens.rotate', { id: old.id });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const next = answer.body as typeof old;
    expect(next).toMatchObject({ id: old.id, scopes: ['a'], expiresAt: old.expiresAt });
    expect(next.token).not.toBe(old.token);
    expect(next.secrets.map(({ state }) => state)).toEqual(['active', 'retiring']);
    const validUntil = Date.parse(next.secrets[1]?.validUntil ?? '');
    expect(validUntil).toBeGreaterThanOrEqual(before + DAY - 1);
    expect(validUntil).toBeLessThanOrEqual(Date.now() + DAY);
    expect(await codes(old.token, next.token)).toEqual(['ok', 'ok']);
  });

  it('drops the oldest of three secrets', async () => {
    const first = await admin.mint();
    const second = await admin.do('tokens.rotate', { id: first.id });
    const third = await admin.do('tokens.rotate', { id: first.id });
    expect(await codes(first.token, second.token, third.token)).toEqual(['rotated', 'ok', 'ok']);
    expect(await statesOf(first.id)).toEqual(['active', 'retiring', 'retired']);
  });

  it('ends the old secret at once without a grace, and when the grace is over', async () => {
    const first = await admin.mint();
    const second = await admin.do('tokens.rotate', { id: first.id, body: { graceSeconds: 0 } });
    expect(await codes(first.token, second.token)).toEqual(['rotated', 'ok']);
    const third = await admin.do('tokens.rotate', { id: first.id, body: { graceSeconds: 1 } });
    await until(
      () => codes(second.token),
      ([code]) => code === 'rotated',
    );
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(third.secrets[1]?.validUntil ?? ''));
    expect(await codes(third.token)).toEqual(['ok']);
  });

  it('starts the grace at the first use of the new secret where it is activated so', async () => {
    const old = await admin.mint();
    const next = await admin.do('tokens.rotate', { id: old.id, body: { activate: 'first-use', graceSeconds: 3600 } });
    expect(next.secrets.map(({ state, validUntil }) => [state, validUntil])).toEqual([
      ['pending', null],
      ['active', null],
    ]);
    expect(next.hint).toBe(old.hint);
    expect(await codes(old.token)).toEqual(['ok']);
    expect(await statesOf(old.id)).toEqual(['pending', 'active']);
    const used = Date.now();
    expect(await codes(next.token)).toEqual(['ok']);
    const { secrets } = await until(
      () => admin.do('tokens.get', { id: old.id }),
      (shown) => shown.secrets[0]?.state === 'active',
    );
    expect(secrets[1]?.state).toBe('retiring');
    expect(Date.parse(secrets[1]?.validUntil ?? '')).toBeGreaterThanOrEqual(used + 3_600_000);
    expect(await codes(old.token, next.token)).toEqual(['ok', 'ok']);
    expect((await admin.do('audit.list', { query: { target: old.id } })).items.map(({ action }) => action)).toEqual([
      'token.create',
      'token.rotate',
      'token.rotate.activate',
    ]);
  });

  it('replaces a secret that waits for its first use by the next rotation', async () => {
    const old = await admin.mint();
    const waiting = await admin.do('tokens.rotate', { id: old.id, body: { activate: 'first-use' } });
    const next = await admin.do('tokens.rotate', { id: old.id, body: { activate: 'first-use' } });
    expect(await codes(old.token, waiting.token, next.token)).toEqual(['ok', 'rotated', 'ok']);
  });

  it('is undone while the grace runs', async () => {
    const old = await admin.mint();
    const next = await admin.do('tokens.rotate', { id: old.id });
    const undone = await admin.do('tokens.cancelRotation', { id: old.id });
    expect(undone).toMatchObject({ hint: old.hint, fingerprint: old.fingerprint });
    expect(await codes(old.token, next.token)).toEqual(['ok', 'rotated']);
    const waiting = await admin.do('tokens.rotate', { id: old.id, body: { activate: 'first-use' } });
    await admin.do('tokens.cancelRotation', { id: old.id });
    expect(await codes(old.token, waiting.token)).toEqual(['ok', 'rotated']);
    const again = await admin.ask('tokens.cancelRotation', { id: old.id });
    expect(problemOf(again)).toMatchObject({
      status: 409,
      code: 'conflict',
      detail: 'there is no rotation to undo, or its old secret has ended',
    });
  });

  it('shows which of two secrets was used last', async () => {
    const old = await admin.mint();
    const next = await admin.do('tokens.rotate', { id: old.id });
    await admin.verify(next.token);
    const { secrets } = await until(
      () => admin.do('tokens.get', { id: old.id }),
      (shown) => shown.lastUsedAt !== null,
    );
    expect(secrets.map(({ lastUsedAt }) => lastUsedAt === null)).toEqual([false, true]);
  });

  it('revives no token that was revoked or has expired', async () => {
    const { id, token } = await admin.mint();
    await admin.do('tokens.rotate', { id });
    await admin.do('tokens.revoke', { id });
    expect(await codes(token)).toEqual(['revoked']);
    for (const name of ['tokens.rotate', 'tokens.cancelRotation'] as const) {
      expect(problemOf(await admin.ask(name, { id }))).toMatchObject({ status: 409, detail: 'the token is revoked' });
    }
    const short = await admin.mint({ expiresIn: 1 });
    const refused = await until(
      () => admin.ask('tokens.rotate', { id: short.id }),
      ({ status }) => status === 409,
    );
    expect(problemOf(refused)).toMatchObject({ code: 'conflict', detail: 'the token has expired' });
  });

  it('lets fifty at once all succeed, and leaves two secrets alive', async () => {
    const { id, token } = await admin.mint();
    const answers = await together(50, () => insist((headers) => admin.ask('tokens.rotate', { id, headers })));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201));
    const secrets = [token, ...answers.map(({ body }) => String(body.token))];
    expect(new Set(secrets).size).toBe(51);
    const found = await codes(...secrets);
    expect(found.filter((code) => code === 'ok')).toHaveLength(2);
    expect(found.filter((code) => code === 'rotated')).toHaveLength(49);
    expect((await admin.do('audit.list', { query: { target: id } })).items).toHaveLength(51);
  });
}

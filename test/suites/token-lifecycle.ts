/** A token from its mint to its end, and its secret in one answer only. Run on every store. */
import { digest, fingerprint, parse } from '@tessera/token';
import { beforeAll, expect, it } from 'vitest';
import { type Answer, newWorkspace, problemOf, type Workspace } from '../support/call.ts';
import type { Server } from '../support/server.ts';
import { until } from '../support/until.ts';

const NINETY_DAYS = 90 * 86_400_000;

export function tokenLifecycle(server: () => Server): void {
  let workspace: Workspace;
  beforeAll(async () => {
    workspace = await newWorkspace(server());
  });

  it('mints a token whose secret verifies, and names it by hint and fingerprint', async () => {
    const answer = await workspace.admin.ask('tokens.create', { body: { name: 'deploy', scopes: ['a:read'] } });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('etag')).toBe('"1"');
    const minted = answer.body as Awaited<ReturnType<typeof workspace.admin.mint>>;
    expect(parse(minted.token)).toMatchObject({ prefix: 'tsr', environment: 'live' });
    expect(minted.fingerprint).toBe(fingerprint(await digest(minted.token)));
    expect(minted.hint).toBe(`tsr_live_…${parse(minted.token)?.hint}`);
    expect(Date.parse(minted.expiresAt ?? '') - Date.parse(minted.createdAt)).toBe(NINETY_DAYS);
    expect(minted).toMatchObject({ kind: 'api_key', env: 'live', status: 'active', enabled: true, lastUsedAt: null });
    expect(await workspace.admin.verify(minted.token, { scopes: ['a:read'], audience: 'default' })).toMatchObject({
      valid: true,
      code: 'ok',
      id: minted.id,
      scopes: ['a:read'],
      expiresAt: minted.expiresAt,
    });
  });

  it('shows the token afterwards without its secret, by id and in lists', async () => {
    const { token, ...shown } = await workspace.admin.mint({ name: 'Findable One', metadata: { team: 'blue' } });
    expect(await workspace.admin.do('tokens.get', { id: shown.id })).toEqual(shown);
    for (const q of ['findable', shown.id, String(shown.fingerprint), parse(token)?.hint ?? '']) {
      expect((await workspace.admin.do('tokens.list', { query: { q } })).items, q).toEqual([shown]);
    }
    expect((await workspace.admin.do('tokens.list', { query: { q: token } })).items).toEqual([]);
  });

  it('pages through a list without a gap or a repeat', async () => {
    const { admin } = await newWorkspace(server());
    const minted: string[] = [];
    for (let index = 0; index < 5; index += 1) minted.unshift((await admin.mint()).id);
    const query = { api: 'default', limit: 2 };
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { items: { id: string }[]; nextCursor: string | null } = await admin.do('tokens.list', {
        query: cursor === '' ? query : { ...query, cursor },
      });
      expect(page.items.length).toBeLessThanOrEqual(2);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(minted);
  });

  it('changes a token, and the next verdict knows', async () => {
    const { admin } = workspace;
    const { id, token } = await admin.mint({ scopes: ['a'] });
    expect(await admin.verify(token, { scopes: ['b'] })).toMatchObject({ code: 'insufficient_scope' });
    const changed = await admin.do('tokens.update', { id, body: { scopes: ['b'], name: 'new', enabled: false } });
    expect(changed).toMatchObject({ scopes: ['b'], name: 'new', enabled: false, status: 'disabled' });
    expect(await admin.verify(token, { scopes: ['b'] })).toMatchObject({ valid: false, code: 'disabled' });
    await admin.do('tokens.update', { id, body: { enabled: true } });
    expect(await admin.verify(token, { scopes: ['b'] })).toMatchObject({ valid: true, code: 'ok' });
  });

  it('revokes for good: at once, told as such, and again without effect', async () => {
    const { admin } = workspace;
    const { id, token } = await admin.mint();
    expect((await admin.verify(token)).valid).toBe(true);
    const revoked = await admin.do('tokens.revoke', { id, body: { reason: 'left a laptop' } });
    expect(revoked).toMatchObject({ status: 'revoked', revokedReason: 'left a laptop' });
    expect(await admin.verify(token)).toMatchObject({ valid: false, code: 'revoked', id });
    const again = await admin.do('tokens.revoke', { id, body: { reason: 'again' } });
    expect({ ...again, lastUsedAt: null, secrets: [] }).toEqual({ ...revoked, lastUsedAt: null, secrets: [] });
    const patched = await admin.ask('tokens.update', { id, body: { enabled: true } });
    expect(problemOf(patched)).toMatchObject({ status: 409, code: 'conflict', detail: 'the token is revoked' });
    expect((await admin.do('tokens.list', { query: { status: 'revoked' } })).items.map((item) => item.id)).toContain(
      id,
    );
  });

  it('tells the status that a verdict would have: expired, not yet valid', async () => {
    const { admin } = workspace;
    const soon = await admin.mint({ expiresIn: 1 });
    const later = await admin.mint({ notBefore: new Date(Date.now() + 3_600_000).toISOString() });
    expect(later.status).toBe('not_yet_valid');
    expect(await admin.verify(later.token)).toMatchObject({ valid: false, code: 'not_yet_valid' });
    await until(
      () => admin.verify(soon.token),
      ({ code }) => code === 'expired',
    );
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon.expiresAt ?? ''));
    expect((await admin.do('tokens.get', { id: soon.id })).status).toBe('expired');
  });

  it('counts uses and shows the last one', async () => {
    const { admin } = workspace;
    const { id, token } = await admin.mint({ scopes: ['a'] });
    await admin.verify(token);
    await admin.verify(token);
    await admin.verify(token, { scopes: ['b'] });
    const usage = await until(
      () => admin.do('tokens.usage', { id }),
      ({ allowed, denied }) => allowed === 2 && denied === 1,
    );
    expect(usage.items.reduce((sum, hour) => sum + hour.allowed, 0)).toBe(2);
    const used = await admin.do('tokens.get', { id });
    expect(Date.parse(used.lastUsedAt ?? '')).toBeGreaterThan(Date.parse(used.createdAt) - 60_000);
    expect(used.secrets[0]?.lastUsedAt).toBe(used.lastUsedAt);
  });

  it('mints a batch whole or not at all', async () => {
    const { admin } = await newWorkspace(server());
    const item = { name: 'x', scopes: [], api: 'default' };
    const { items } = await admin.do('tokens.createBatch', { body: { items: [item, item, item] } });
    expect(new Set(items.map(({ token }) => token)).size).toBe(3);
    const failed = await admin.ask('tokens.createBatch', { body: { items: [item, { ...item, api: 'nowhere' }] } });
    expect(problemOf(failed)).toMatchObject({ status: 422, code: 'invalid_input', detail: 'item 1: no such api' });
    expect(failed.body.errors).toEqual([{ pointer: '/items/1/api', detail: 'no such api', code: 'unknown_reference' }]);
    expect((await admin.do('tokens.list', { query: { api: 'default' } })).items).toHaveLength(3);
  });

  it('holds the secret in one answer and nowhere afterwards', async () => {
    const { admin, root } = await newWorkspace(server());
    const minted = await admin.mint({ name: 'once', metadata: { a: 'b' } });
    const rotated = await admin.do('tokens.rotate', { id: minted.id });
    await admin.verify(minted.token);
    await admin.verify(rotated.token);
    const { id } = minted;
    const answers: Answer[] = [
      await admin.ask('tokens.get', { id }),
      await admin.ask('tokens.list'),
      await admin.ask('tokens.usage', { id }),
      await admin.ask('verify.one', { body: { token: minted.token, mode: 'explain' } }),
      await admin.ask('tokens.update', { id, body: { name: 'twice' } }),
      await admin.ask('tokens.cancelRotation', { id }),
      await admin.ask('tokens.revoke', { id }),
      await admin.ask('audit.list'),
      await admin.ask('audit.checkpoint'),
      await admin.ask('changes.list'),
      await root.ask('tokens.list'),
      await root.ask('audit.list'),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      for (const secret of [minted.token, rotated.token]) expect(answer.text).not.toContain(secret.slice(9, 40));
    }
  });
}

/** Signed tokens: until when a change concerns one of them, which changes still do, and many that end at once. */
import { expect, test } from 'vitest';
import type { Selection } from '../../../src/core/store-port.ts';
import type { Stores } from '../contract.ts';
import { anOwner, aSecret, aTenant, aToken, NOW } from '../support/fixtures.ts';

export function signed(stores: () => Stores): void {
  test('signed tokens: the last of those that a change concerns, as long as one is left', async () => {
    const { one, two } = stores();
    const { workspace, api } = await aTenant(one);
    const owner = anOwner(workspace.id);
    const jwt = { format: 'jwt', expiresAt: NOW + 5000 } as const;
    const parent = aToken(workspace.id, api.id, { expiresAt: NOW + 90_000 });
    const child = aToken(workspace.id, api.id, { ...jwt, parent: parent.id, client: 'app', session: 'ses' });
    const grandchild = aToken(workspace.id, api.id, { ...jwt, parent: child.id, expiresAt: NOW + 7000 });
    const owned = aToken(workspace.id, api.id, { ...jwt, owner: owner.id, expiresAt: NOW + 9000 });
    await one.write(async (tx) => {
      await tx.insertOwner(owner);
      for (const token of [parent, child, grandchild, owned]) await tx.insertToken(token, aSecret(token.id));
    });
    const last = (subject: 'token' | 'owner' | 'api' | 'client' | 'session' | 'workspace', id: string, now = NOW) =>
      two.lastSigned({ workspace: workspace.id, subject, id }, now);
    expect(await last('token', parent.id)).toBe(NOW + 7000);
    expect(await last('token', child.id, NOW + 6000)).toBe(NOW + 7000);
    expect(await last('token', grandchild.id, NOW + 7000)).toBeUndefined();
    expect(await last('owner', owner.id)).toBe(NOW + 9000);
    expect(await last('client', 'app')).toBe(NOW + 5000);
    expect(await last('session', 'ses')).toBe(NOW + 5000);
    expect(await last('session', 'other')).toBeUndefined();
    expect(await last('api', api.id, NOW + 8000)).toBe(NOW + 9000);
    expect(await last('workspace', workspace.id, NOW + 9000)).toBeUndefined();
  });

  test('notices: page after page, in the order in which they are over', async () => {
    const { one, two } = stores();
    const { workspace } = await aTenant(one);
    const other = await aTenant(one);
    const base = NOW + 10_000_000;
    await one.write(async (tx) => {
      for (const [id, ends] of [
        ['a', 3],
        ['b', 1],
        ['c', 2],
        ['d', 2],
      ] as const)
        tx.changed({ workspace: workspace.id, kind: 'token.revoked', id, signedUntil: base + ends });
      tx.changed({ workspace: workspace.id, kind: 'token.revoked', id: 'none' });
      tx.changed({ workspace: other.workspace.id, kind: 'token.revoked', id: 'theirs', signedUntil: base + 2 });
    });
    const page = async (until: number, seq: number, of?: string) => two.notices(of, { until, seq, limit: 2 });
    const ids = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id);
    const first = await page(base, Number.MAX_SAFE_INTEGER, workspace.id);
    expect(ids(first)).toEqual(['b', 'c']);
    const { signedUntil = 0, seq = 0 } = first[1] ?? {};
    expect(ids(await page(signedUntil, seq, workspace.id))).toEqual(['d', 'a']);
    expect(ids(await page(signedUntil, seq))).toEqual(['d', 'theirs']);
    expect(await page(base + 3, Number.MAX_SAFE_INTEGER)).toEqual([]);
  });

  test('many tokens end at once, by what they have in common', async () => {
    const { one, two } = stores();
    const { workspace, api } = await aTenant(one);
    const token = (over: Parameters<typeof aToken>[2] = {}) => aToken(workspace.id, api.id, over);
    const [early, late] = [token({ client: 'app' }), token({ client: 'app', createdAt: NOW + 10 })];
    const child = token({ parent: early.id });
    const bySecret = token();
    const byHint = token();
    const root = token({ client: 'app' });
    await one.write(async (tx) => {
      for (const each of [early, late, child, root]) await tx.insertToken(each, aSecret(each.id));
      await tx.insertToken(bySecret, aSecret(bySecret.id, { signedWith: 'key_1' }));
      await tx.insertToken(byHint, aSecret(byHint.id, { hint: 'a%_live_…wxyz' }));
      await tx.setMeta('root_token', root.id);
    });
    const which = (over: Partial<Selection>): Selection => ({
      workspace: workspace.id,
      by: 'all',
      id: '',
      before: undefined,
      after: undefined,
      except: undefined,
      ...over,
    });
    const app = which({ by: 'client', id: 'app' });
    const end = (selection: Selection) => one.write((tx) => tx.revokeSelected(selection, NOW, 'leaked'));
    expect(await one.write((tx) => tx.parentsAmong(app))).toEqual([early.id]);
    expect((await one.write((tx) => tx.selected(app, { api: api.id, limit: 5 }))).length).toBe(2);
    expect(await one.write((tx) => tx.selected(app, { api: 'api_0', limit: 5 }))).toEqual([]);
    expect(await end({ ...app, workspace: 'ws_other' })).toBe(0);
    expect(await end({ ...app, before: NOW })).toBe(0);
    expect(await end({ ...app, after: NOW, except: late.id })).toBe(0);
    expect(await end({ ...app, after: NOW })).toBe(1);
    expect(await end(which({ by: 'parent', id: early.id }))).toBe(1);
    expect(await end(which({ by: 'key', id: 'key_1' }))).toBe(1);
    expect(await end(which({ by: 'prefix', id: 'a' }))).toBe(0);
    expect(await end(which({ by: 'prefix', id: 'a%' }))).toBe(1);
    expect(await end(which({}))).toBe(1);
    expect((await two.token(workspace.id, root.id))?.token.revokedAt).toBeNull();
    expect((await two.token(workspace.id, bySecret.id))?.secrets[0]?.signedWith).toBe('key_1');
    expect((await two.token(workspace.id, early.id))?.token).toMatchObject({ revokedReason: 'leaked', version: 2 });
  });
}

/** Tokens that descend from each other. */
import { digestKeyOf } from '@tessera/verify';
import { expect, test } from 'vitest';
import type { Stores } from '../contract.ts';
import { aSecret, aTenant, aToken, NOW } from '../support/fixtures.ts';

export function lines(stores: () => Stores): void {
  test('lines of tokens: who stands above, nearest first; who descends is revoked with one, and nobody else', async () => {
    const { one, two } = stores();
    const tenant = await aTenant(one);
    const { workspace, api } = tenant;
    const [first, other] = [aToken(workspace.id, api.id), aToken(workspace.id, api.id)];
    const second = aToken(workspace.id, api.id, { parent: first.id, format: 'jwt', client: 'app', session: 'ses' });
    const third = aToken(workspace.id, api.id, { parent: second.id });
    const cousin = aToken(workspace.id, api.id, { parent: other.id });
    const secret = aSecret(third.id);
    await one.write(async (tx) => {
      for (const token of [first, other, second, cousin]) await tx.insertToken(token, aSecret(token.id));
      await tx.insertToken(third, secret);
    });
    expect(await two.ancestors(second.id)).toEqual([second, first]);
    expect(await two.ancestors('tok_none')).toEqual([]);
    expect((await two.find(digestKeyOf(secret.digest)))?.ancestors).toEqual([second, first]);
    const children = await two.tokens(workspace.id, { parent: first.id, now: NOW }, { limit: 5, before: undefined });
    expect(children.map(({ token }) => token)).toEqual([second]);
    const which = { workspace: workspace.id, of: first.id };
    expect(await one.write((tx) => tx.revokeDescendants({ ...which, workspace: 'ws_other' }, NOW, 'gone'))).toBe(0);
    expect(await one.write((tx) => tx.revokeDescendants(which, NOW, 'gone'))).toBe(2);
    expect(await one.write((tx) => tx.revokeDescendants(which, NOW, 'gone'))).toBe(0);
    const read = async (id: string) => (await two.token(workspace.id, id))?.token.revokedReason;
    expect([await read(first.id), await read(second.id), await read(third.id), await read(cousin.id)]).toEqual([
      null,
      'gone',
      'gone',
      null,
    ]);
  });
}

/** A change drops the facts that it may have made other ones, and nothing of another workspace. */
import { describe, expect, it } from 'vitest';
import { concerns } from '../src/index.ts';
import { factsOf } from './support/tokens.ts';

const facts = factsOf();
const workspace = 'ws_1';

describe('a change', () => {
  it.each([
    ['token.revoked', 'tok_1', true],
    ['token.revoked', 'tok_2', false],
    ['token.created', 'tok_1', false],
    ['owner.disabled', 'own_1', true],
    ['owner.disabled', 'own_2', false],
    ['api.updated', 'api_1', true],
    ['api.updated', 'api_2', false],
    ['role.updated', 'role_9', true],
    ['role.created', 'role_9', false],
    ['issuer.revoked', 'iss_1', false],
    ['workspace.updated', 'ws_1', true],
    ['group.merged', 'grp_1', true],
  ])('%s of %s concerns them: %s', (kind, id, expected) => {
    expect(concerns({ workspace, kind, id }, facts)).toBe(expected);
    expect(concerns({ workspace: 'ws_2', kind, id }, facts)).toBe(false);
  });

  it('of a role concerns no token whose owner has none, or that has no owner', () => {
    const change = { workspace, kind: 'role.updated', id: 'role_1' };
    const bare = factsOf({ owner: { id: 'own_1', type: 'user', roles: [], enabled: true } });
    expect(concerns(change, bare)).toBe(false);
    expect(concerns(change, factsOf({ owner: undefined }))).toBe(false);
  });

  it('of an issuer concerns its tokens', () => {
    const foreign = factsOf({ foreign: { trust: 'iss_1', issuer: 'https://issuer.test', subject: 's' } });
    expect(concerns({ workspace, kind: 'issuer.revoked', id: 'iss_1' }, foreign)).toBe(true);
    expect(concerns({ workspace, kind: 'issuer.revoked', id: 'iss_2' }, foreign)).toBe(false);
  });

  it('of a token concerns those that descend from it', () => {
    const child = factsOf({ parents: ['tok_8', 'tok_9'] });
    for (const id of ['tok_1', 'tok_8', 'tok_9'])
      expect(concerns({ workspace, kind: 'token.revoked', id }, child)).toBe(true);
    expect(concerns({ workspace, kind: 'token.revoked', id: 'tok_7' }, child)).toBe(false);
  });

  it('of an owner or a role concerns no token without an owner', () => {
    expect(concerns({ workspace, kind: 'owner.updated', id: 'own_1' }, factsOf({ owner: undefined }))).toBe(false);
  });
});

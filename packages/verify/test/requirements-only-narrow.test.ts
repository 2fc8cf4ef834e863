/** What a verifier requires of every request, no route takes back. */
import { describe, expect, it } from 'vitest';
import { narrowed, requirement } from '../src/index.ts';

const all = requirement({ audience: 'https://a.test', scopes: ['a:read'], kinds: ['api_key', 'session'], proof: true });

describe('a route beside its verifier', () => {
  it('adds scopes and roles, and leaves what it does not name', () => {
    const route = narrowed(all, { scopes: ['a:write', 'a:read'], roles: ['clerk'] });
    expect(route).toMatchObject({
      audience: 'https://a.test',
      scopes: ['a:read', 'a:write'],
      roles: ['clerk'],
      proof: true,
    });
    expect(route.kinds).toEqual(['api_key', 'session']);
  });

  it('takes nothing back by naming it empty, false or undefined', () => {
    expect(narrowed(all, { audience: undefined, scopes: [], kinds: [], proof: false })).toEqual(all);
  });

  it('admits the kinds of both', () => {
    expect(narrowed(all, { kinds: ['session', 'access_token'] }).kinds).toEqual(['session']);
  });

  it.each([{ audience: 'https://b.test' }, { kinds: ['access_token'] as const }])(
    'refuses what contradicts: %o',
    (parts) => {
      expect(() => narrowed(all, parts)).toThrow(TypeError);
    },
  );
});

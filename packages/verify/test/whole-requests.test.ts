/** A verifier judges all that a request presents, denies what it cannot, and passes nothing once it is closed. */
import { describe, expect, it } from 'vitest';
import { circumstances, narrowed, type Presented, verifierOver } from '../src/index.ts';
import { portsOf } from './support/ports.ts';
import { OTHER_TOKEN, TOKEN } from './support/tokens.ts';

const NOTHING: Presented = { authorization: [], apiKey: [], query: '' };
const BEARER: Presented = { ...NOTHING, authorization: [`Bearer ${TOKEN}`] };

function code(presented: Presented, verifier = verifierOver(portsOf())): string {
  const verdict = verifier.verify(presented, { circumstances: circumstances() });
  if (verdict instanceof Promise) throw new Error('all of it is in memory, and still it took a promise');
  return verdict.code;
}

describe('a verifier', () => {
  it.each<[string, Presented, string]>([
    ['a token', BEARER, 'ok'],
    ['a token in its other field', { ...NOTHING, apiKey: [TOKEN] }, 'ok'],
    ['none', NOTHING, 'missing'],
    ['an empty one', { ...NOTHING, authorization: ['Bearer '] }, 'missing'],
    ['one that nobody has', { ...NOTHING, apiKey: [OTHER_TOKEN] }, 'unknown'],
    [
      'two in one field',
      { ...NOTHING, authorization: [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`] },
      'duplicate_credentials',
    ],
    ['two in two fields', { ...BEARER, apiKey: [TOKEN] }, 'duplicate_credentials'],
    ['a second one in the query', { ...BEARER, query: 'access_token=x' }, 'duplicate_credentials'],
    ['one in the query alone', { ...NOTHING, query: `access_token=${TOKEN}` }, 'missing'],
  ])('judges %s', (_, presented, expected) => {
    expect(code(presented)).toBe(expected);
  });

  it('asks its own requirement where the route has none, and the route’s in its place where it has', async () => {
    const verifier = verifierOver(portsOf(), { scopes: ['orders:read'] });
    expect(code(BEARER, verifier)).toBe('ok');
    const route = narrowed(verifier.requirement, { scopes: ['orders:delete'] });
    const verdict = await verifier.verify(BEARER, { requirement: route, circumstances: circumstances() });
    expect(verdict).toMatchObject({ code: 'insufficient_scope', missingScopes: ['orders:delete'] });
  });

  it('denies where it cannot tell', () => {
    const tokens = { known: () => undefined, imported: () => [], find: () => Promise.reject(new Error('away')) };
    const verdict = verifierOver(portsOf({ tokens })).verify(BEARER, { circumstances: circumstances() });
    return expect(verdict).resolves.toMatchObject({ valid: false, code: 'fault' });
  });

  it('denies everything once it is closed', async () => {
    const verifier = verifierOver(portsOf());
    await verifier.close();
    expect(code(BEARER, verifier)).toBe('fault');
    expect(code(NOTHING, verifier)).toBe('fault');
  });
});

/** The claims of a signed access token: what is signed may still be nonsense, too old or for somebody else. */
import { beforeAll, describe, expect, it } from 'vitest';
import { credentialOf, type SignedLookup } from '../src/index.ts';
import { jwtLookup } from '../src/jose.ts';
import { codeOf, portsOf } from './support/ports.ts';
import { askedFor, lookupOptions, signedLookupOf, WORKSPACE } from './support/signed-lookup.ts';
import {
  type Altered,
  AUDIENCE,
  accessToken,
  ISSUER,
  jwksOf,
  SECONDS,
  type Signer,
  signedText,
  signer,
} from './support/signing.ts';
import { NOW } from './support/tokens.ts';

let issuer: Signer;
let lookup: SignedLookup;

beforeAll(() => {
  issuer = signer('ES256');
  lookup = signedLookupOf(['key-1', issuer]);
});

describe('claims', () => {
  it.each(['iss', 'sub', 'aud', 'jti', 'iat', 'exp'])('without %s are malformed', async (name) => {
    expect(await altered({ claims: { [name]: undefined } })).toBe('malformed');
  });

  it.each<[string, string]>([
    ['exp', '"9999999999"'],
    ['exp', '1e400'],
    ['exp', '-1'],
    ['exp', 'true'],
    ['exp', 'null'],
    ['exp', '1e300'],
    ['exp', '1768478400.5'],
    ['exp', '[1768479000]'],
    ['iat', '"0"'],
    ['nbf', '"0"'],
    ['nbf', 'null'],
    ['sub', '""'],
    ['sub', '7'],
    ['jti', '{}'],
    ['iss', '["https://issuer.example.test"]'],
    ['aud', '[]'],
    ['aud', '{}'],
    ['aud', '[1]'],
    ['scope', '["orders:read"]'],
    ['scope', '"orders:read  admin"'],
    ['scope', '"orders\\u0000read"'],
    ['client_id', '1'],
    ['cnf', '{}'],
    ['cnf', '{"x5t#S256":"abc"}'],
    ['cnf', '{"jkt":"abc","x5t#S256":"abc"}'],
    ['cnf', '{"jkt":1}'],
    ['cnf', 'null'],
  ])('with %s = %s are malformed', async (name, value) => {
    const header = JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' });
    const claims = { iss: ISSUER, sub: 'user-7', aud: AUDIENCE, jti: 'jwt-1', iat: SECONDS, exp: SECONDS + 600 };
    const others = JSON.stringify({ ...claims, [name]: undefined });
    const payload = `${others.slice(0, -1)},"${name}":${value}}`;
    expect(await coded(signedText(header, payload, issuer))).toBe('malformed');
  });

  it('of another issuer are unknown, however alike', async () => {
    for (const iss of [`${ISSUER}/`, ISSUER.toUpperCase(), 'https://other.example.test'])
      expect(await altered({ claims: { iss } })).toBe('unknown');
  });

  it.each([{ aud: 'https://other.example.test' }, { aud: `${AUDIENCE}/` }, { aud: ['x', 'y'] }])(
    'for another audience, %j, are refused',
    async (claims) => {
      expect(await altered({ claims })).toBe('wrong_audience');
    },
  );

  it('for several audiences are refused where none is ours to name', async () => {
    const anyAudience = jwtLookup({
      issuer: ISSUER,
      keys: jwksOf(['key-1', issuer]),
      facts: () => ({ workspace: WORKSPACE }),
    });
    expect(await coded(accessToken(issuer, { claims: { aud: ['x', 'y'] } }), anyAudience)).toBe('wrong_audience');
    const text = accessToken(issuer, { claims: { aud: ['x'] } });
    const one = await anyAudience.find(text, askedFor(text, NOW));
    expect(one).toMatchObject({ api: { id: 'x', audience: 'x' } });
  });

  it.each([
    [{ exp: SECONDS - 59 }, 'ok'],
    [{ exp: SECONDS - 60 }, 'expired'],
    [{ nbf: SECONDS + 59 }, 'ok'],
    [{ nbf: SECONDS + 60 }, 'ok'],
    [{ nbf: SECONDS + 61 }, 'not_yet_valid'],
    [{ iat: SECONDS + 59 }, 'ok'],
    [{ iat: SECONDS + 61 }, 'not_yet_valid'],
    [{ exp: SECONDS - 60, aud: 'x', nbf: SECONDS + 61 }, 'expired'],
  ])('with the times %j are %s', async (claims, code) => {
    expect(await altered({ claims })).toBe(code);
    const text = accessToken(issuer, { claims });
    const found = await lookup.find(text, askedFor(text, NOW));
    expect(typeof found === 'string' ? found : 'ok').toBe(code);
  });

  it('without clock skew end when they say', async () => {
    const exact = jwtLookup({ ...lookupOptions(['key-1', issuer]), clockSkewSeconds: 0 });
    expect(await coded(accessToken(issuer, { claims: { exp: SECONDS } }), exact)).toBe('expired');
    expect(await coded(accessToken(issuer, { claims: { exp: SECONDS + 1 } }), exact)).toBe('ok');
  });
});

function coded(text: string, signed: SignedLookup = lookup): Promise<string> {
  return codeOf(portsOf({ signed }), { credential: credentialOf(text) });
}

function altered(parts: Altered): Promise<string> {
  return coded(accessToken(issuer, parts));
}

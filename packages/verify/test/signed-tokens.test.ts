/** Signed access tokens: what an attacker with an issuer's public keys, or with one honest token, can make of them. */
import { Buffer } from 'node:buffer';
import { createHmac, createPublicKey, sign } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { credentialOf, digestKey, type SignedLookup } from '../src/index.ts';
import { jwtLookup } from '../src/jose.ts';
import { leastCpu } from './support/least-cpu.ts';
import { codeOf, portsOf } from './support/ports.ts';
import { askedFor, signedLookupOf, WORKSPACE } from './support/signed-lookup.ts';
import {
  type Alg,
  type Altered,
  AUDIENCE,
  accessToken,
  bytesOfSignature,
  dpopProof,
  ISSUER,
  jwksOf,
  SECONDS,
  type Signer,
  signedText,
  signer,
} from './support/signing.ts';
import { NOW } from './support/tokens.ts';

const ALGS: readonly Alg[] = ['EdDSA', 'ES256', 'PS256', 'RS256', 'ML-DSA-65'];

let signers: Readonly<Record<Alg, Signer>>;
let issuer: Signer;
let lookup: SignedLookup;

beforeAll(() => {
  signers = {
    EdDSA: signer('EdDSA'),
    ES256: signer('ES256'),
    PS256: signer('PS256'),
    RS256: signer('RS256'),
    'ML-DSA-65': signer('ML-DSA-65'),
  };
  issuer = signers.ES256;
  lookup = signedLookupOf(['key-1', issuer], ['key-rsa', signers.RS256]);
});

describe('a signed token in order', () => {
  it.each(ALGS)('by %s is allowed', async (alg) => {
    expect(await coded(accessToken(signers[alg]), signedLookupOf(['key-1', signers[alg]]))).toBe('ok');
  });

  it('is judged at once where its key is in memory, without a turn of the event loop', () => {
    const text = accessToken(issuer);
    expect(lookup.find(text, askedFor(text, NOW))).toMatchObject({ id: 'jwt-1' });
    expect(lookup.find(`${text.slice(0, -8)}AAAAAAAA`, askedFor(text, NOW))).toBe('signature_invalid');
  });

  it('tells what was signed', async () => {
    const text = accessToken(issuer, { claims: { nbf: SECONDS - 5, cnf: { jkt: 'thumbprint' }, scope: 'a b:c' } });
    expect(await lookup.find(text, askedFor(text, NOW))).toEqual({
      id: 'jwt-1',
      kind: 'access_token',
      name: 'shop',
      workspace: WORKSPACE,
      owner: { id: 'user-7', type: 'user', roles: [], enabled: true },
      api: { id: AUDIENCE, audience: AUDIENCE },
      environment: 'live',
      scopes: ['a', 'b:c'],
      expiresAt: NOW + 600_000,
      notBefore: NOW - 5000,
      secret: { key: digestKey(text), state: 'active', until: undefined },
      enabled: true,
      revokedAt: undefined,
      limits: [],
      quotas: [],
      addresses: [],
      boundKey: 'thumbprint',
      clockSkewMs: 60_000,
    });
  });

  it('of a client without a user is of a service', async () => {
    const text = accessToken(issuer, { claims: { sub: 'shop' } });
    expect(await lookup.find(text, askedFor(text, NOW))).toMatchObject({ owner: { id: 'shop', type: 'service' } });
  });

  it('may say application/at+jwt and name several audiences', async () => {
    expect(await altered({ header: { typ: 'application/at+jwt' }, claims: { aud: ['x', AUDIENCE] } })).toBe('ok');
  });

  it('gains what the service says of its claims, and loses nothing that was signed', async () => {
    const facts = ({ all }: { readonly all: Readonly<Record<string, unknown>> }) => ({
      workspace: WORKSPACE,
      environment: 'test' as const,
      revokedAt: all.jti === 'jwt-1' ? NOW - 1 : undefined,
    });
    const mapped = jwtLookup({ issuer: ISSUER, keys: jwksOf(['key-1', issuer]), facts });
    expect(await coded(accessToken(issuer), mapped)).toBe('revoked');
    expect(await coded(accessToken(issuer, { claims: { jti: 'jwt-2' } }), mapped)).toBe('ok');
  });

  it('whose claims nobody stands behind is unknown', async () => {
    const keys = jwksOf(['key-1', issuer]);
    expect(await coded(accessToken(issuer), jwtLookup({ issuer: ISSUER, keys, facts: () => undefined }))).toBe(
      'unknown',
    );
    const fails = () => {
      throw new Error('no answer');
    };
    for (const facts of [fails, async () => fails()])
      expect(await coded(accessToken(issuer), jwtLookup({ issuer: ISSUER, keys, facts }))).toBe('fault');
  });

  it('that is bound needs its proof', async () => {
    expect(await altered({ claims: { cnf: { jkt: 'thumbprint' } } })).toBe('proof_required');
  });
});

describe('the algorithm is the one of the key', () => {
  it.each(['none', 'None', 'NONE', 'nOnE', 'HS256', 'hs256', 'HS1', 'RS1', 'ES256K', 'ES384', 'es256', ''])(
    '%j is malformed, with the signature and without it',
    async (alg) => {
      const text = accessToken(issuer, { header: { alg } });
      expect(await coded(text)).toBe('malformed');
      expect(await coded(text.slice(0, text.lastIndexOf('.') + 1))).toBe('malformed');
    },
  );

  it('an HMAC with the public key is malformed, in every spelling of the key', async () => {
    const { RS256: rsa } = signers;
    const key = createPublicKey(rsa.privateKey);
    const spki = String(key.export({ type: 'spki', format: 'pem' }));
    const secrets = [
      spki,
      spki.trim(),
      ` ${spki}`,
      `\n${spki}`,
      String(key.export({ type: 'pkcs1', format: 'pem' })),
      key.export({ type: 'spki', format: 'der' }),
      String(rsa.jwk.n),
    ];
    for (const secret of secrets) {
      const text = accessToken(rsa, { header: { alg: 'HS256', kid: 'key-rsa' } });
      const input = text.slice(0, text.lastIndexOf('.'));
      const mac = createHmac('sha256', secret).update(input).digest('base64url');
      expect(await coded(`${input}.${mac}`)).toBe('malformed');
    }
  });

  it('another one that the same key could do is malformed', async () => {
    const asPss = { ...signers.RS256, alg: 'PS256' } as const;
    expect(await coded(accessToken(asPss, { header: { kid: 'key-rsa' } }))).toBe('malformed');
    expect(await altered({ header: { kid: 'key-rsa' } })).toBe('malformed');
  });
});

describe('the signature', () => {
  it.each(ALGS)('of %s left out is invalid', async (alg) => {
    const text = accessToken(signers[alg]);
    const bare = text.slice(0, text.lastIndexOf('.') + 1);
    expect(await coded(bare, signedLookupOf(['key-1', signers[alg]]))).toBe('signature_invalid');
  });

  it('of another key is invalid', async () => {
    expect(await coded(accessToken(signer('ES256')))).toBe('signature_invalid');
  });

  it.each<[string, (r: string, s: string, input: string) => string]>([
    ['all zero', () => '00'.repeat(64)],
    ['r zero', (_, s) => '00'.repeat(32) + s],
    ['s zero', (r) => r + '00'.repeat(32)],
    ['r the order of the curve', (_, s) => P256_ORDER + s],
    ['both the order of the curve', () => P256_ORDER + P256_ORDER],
    ['63 bytes', (r, s) => r + s.slice(2)],
    ['65 bytes', (r, s) => `${r + s}00`],
    ['DER', (_, __, input) => sign('sha256', Buffer.from(input), issuer.privateKey).toString('hex')],
  ])('of ES256, %s, is invalid', async (_, forge) => {
    const text = accessToken(issuer);
    const input = text.slice(0, text.lastIndexOf('.'));
    const bytes = bytesOfSignature(input, issuer).toString('hex');
    const forged = forge(bytes.slice(0, 64), bytes.slice(64), input);
    expect(await coded(`${input}.${Buffer.from(forged, 'hex').toString('base64url')}`)).toBe('signature_invalid');
  });

  it.each(ALGS)('of %s covers every character', async (alg) => {
    const text = accessToken(signers[alg]);
    const own = signedLookupOf(['key-1', signers[alg]]);
    const base64urlOrDot = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ';
    const mutation = fc.record({
      at: fc.nat({ max: text.length - 1 }),
      by: fc.constantFrom(...Array.from(base64urlOrDot)),
      kind: fc.constantFrom('replaced', 'inserted', 'removed'),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ at, by, kind }) => {
        const mutated =
          text.slice(0, at) + (kind === 'removed' ? '' : by) + text.slice(kind === 'inserted' ? at : at + 1);
        fc.pre(mutated !== text);
        expect(['malformed', 'signature_invalid']).toContain(await coded(mutated, own));
      }),
      { numRuns: 500 },
    );
  });

  it('of ES256 covers every character of the last ten, with each of the alphabet', async () => {
    const text = accessToken(issuer);
    for (let at = text.length - 10; at < text.length; at += 1) {
      for (const by of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
        const mutated = text.slice(0, at) + by + text.slice(at + 1);
        if (mutated !== text) expect(['malformed', 'signature_invalid']).toContain(await coded(mutated));
      }
    }
  });
});

describe('the key is one of ours', () => {
  it.each(['../../../../dev/null', "x' UNION SELECT '1';-- -", 'x|sleep 10', '__proto__', 'constructor', 'key-2', ''])(
    'kid %j names none',
    async (kid) => {
      expect(await altered({ header: { kid } })).toBe('signature_invalid');
    },
  );

  it.each([undefined, {}, [], null, 1, 'k'.repeat(64_000)])('kid %j is malformed', async (kid) => {
    expect(await altered({ header: { kid } })).toBe('malformed');
  });

  it.each(['jku', 'x5u', 'x5c', 'jwk'])('and none that the text brings along by %s', async (name) => {
    const own = signer('ES256');
    const value = name === 'jwk' ? own.jwk : 'https://issuer.example.test@evil.example/';
    expect(await coded(accessToken(own, { header: { [name]: value } }))).toBe('malformed');
  });
});

describe('only an access token is one', () => {
  it.each([undefined, 'JWT', 'jwt', 'AT+JWT', 'at+jwt ', 'logout+jwt', 'dpop+jwt', 'secevent+jwt', 'id+jwt'])(
    'typ %j is malformed',
    async (typ) => {
      expect(await altered({ header: { typ } })).toBe('malformed');
    },
  );

  it('a proof of possession is malformed', async () => {
    expect(await coded(dpopProof(issuer, 'x'))).toBe('malformed');
  });
});

describe('a signed text that is too much', () => {
  it.each([
    ['a payload of a megabyte', JSON.stringify({ x: 'a'.repeat(1_000_000) })],
    ['100,000 opening brackets', '['.repeat(100_000)],
    ['6,000 opening brackets', `{"a":${'['.repeat(3000)}${']'.repeat(3000)}}`],
  ])('%s is malformed and costs no time', async (_, payload) => {
    const text = signedText(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' }), payload, issuer);
    expect(await coded(text)).toBe('malformed');
    expect(await leastCpu(() => coded(text))).toBeLessThan(20);
  });
});

const P256_ORDER = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';

function coded(text: string, signed: SignedLookup = lookup): Promise<string> {
  return codeOf(portsOf({ signed }), { credential: credentialOf(text) });
}

function altered(parts: Altered): Promise<string> {
  return coded(accessToken(issuer, parts));
}

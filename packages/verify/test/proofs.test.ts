/** Proofs of possession (DPoP, RFC 9449): of the key, for this request and token, just now, once. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { digestKey, memoryReplays, presence } from '../src/index.ts';
import { claimedThumbprint, type DpopOptions, dpopProofs } from '../src/jose.ts';
import { codeOf, portsWith } from './support/ports.ts';
import {
  type Alg,
  type Altered,
  accessToken,
  dpopProof,
  METHOD,
  SECONDS,
  type Signer,
  signer,
  thumbprint,
  URL,
} from './support/signing.ts';
import { NOW, OTHER_TOKEN, TOKEN } from './support/tokens.ts';

let holder: Signer;

beforeAll(() => {
  holder = signer('ES256');
});

describe('a bound token', () => {
  it.each<Alg>(['EdDSA', 'ES256', 'PS256', 'RS256'])('with its %s proof is allowed', async (alg) => {
    const own = signer(alg);
    expect(await coded(dpopProof(own, TOKEN), { own })).toBe('ok');
  });

  it('without its proof is refused, by whatever scheme it comes', async () => {
    for (const scheme of ['DPoP', 'Bearer', 'key']) expect(await coded(undefined, { scheme })).toBe('proof_required');
  });

  it('as a bearer token is refused even with its proof', async () => {
    expect(await coded(dpopProof(holder, TOKEN), { scheme: 'Bearer' })).toBe('proof_required');
  });

  it('is refused where the method or the target is unknown', async () => {
    expect(await coded(dpopProof(holder, TOKEN), { method: undefined })).toBe('proof_required');
    expect(await coded(dpopProof(holder, TOKEN), { url: undefined })).toBe('proof_required');
  });
});

describe('the request of a proof', () => {
  it.each(['GET', 'post', 'POST ', 7, undefined])('htm %j is refused', async (htm) => {
    expect(await altered({ claims: { htm } })).toBe('proof_invalid');
  });

  it.each([
    'HTTPS://API.EXAMPLE.TEST:443/orders',
    'https://api.example.test/orders?page=2',
    'https://api.example.test/orders#top',
    'https://api.example.test:/orders',
  ])('htu %s is the same target', async (htu) => {
    expect(await altered({ claims: { htu } })).toBe('ok');
  });

  it.each([
    'https://other.example.test/orders',
    'https://api.example.test/orders/',
    'https://api.example.test/Orders',
    'https://api.example.test/%6frders',
    'https://api.example.test/x/../orders',
    'https://api.example.test//orders',
    'https://api.example.test\\orders',
    'https://api.example.test:8443/orders',
    'https://api.example.test:80/orders',
    'https://api.example.test.evil/orders',
    'https://me@api.example.test/orders',
    'https:/api.example.test/orders',
    'http://api.example.test/orders',
    ' https://api.example.test/orders',
    'https://api.example.test/orders\n',
    '//api.example.test/orders',
    '/orders',
    'api.example.test/orders',
    '',
    7,
    ['https://api.example.test/orders'],
    undefined,
  ])('htu %j is refused', async (htu) => {
    expect(await altered({ claims: { htu } })).toBe('proof_invalid');
  });

  it('is ASCII: a Kelvin sign, whose lower case is k, is none', async () => {
    const proof = dpopProof(holder, TOKEN, { claims: { htu: 'https://\u212aiosk.example.test/' } });
    expect(await coded(proof, { url: 'https://kiosk.example.test/' })).toBe('proof_invalid');
  });

  it('is compared without default port, query and fragment on our side too', async () => {
    const proof = dpopProof(holder, TOKEN, { claims: { htu: 'http://api.example.test' } });
    expect(await coded(proof, { url: 'http://API.example.test:80/?x#y' })).toBe('ok');
  });

  it('whose own target cannot be read is refused', async () => {
    const proof = dpopProof(holder, TOKEN, { claims: { htu: 'orders' } });
    expect(await coded(proof, { url: 'orders' })).toBe('proof_invalid');
  });
});

describe('the time of a proof', () => {
  it.each([
    [-61, 'proof_invalid'],
    [-60, 'proof_invalid'],
    [-59, 'ok'],
    [0, 'ok'],
    [60, 'ok'],
    [61, 'proof_invalid'],
  ])('%i s from now: %s', async (offset, code) => {
    expect(await altered({ claims: { iat: SECONDS + offset } })).toBe(code);
  });

  it('is of another window where one is set', async () => {
    const options = { maxAgeSeconds: 5, clockSkewSeconds: 0 };
    const coded5 = (offset: number) =>
      coded(dpopProof(holder, TOKEN, { claims: { iat: SECONDS + offset } }), { options });
    expect([await coded5(-5), await coded5(-4), await coded5(0), await coded5(1)]).toEqual([
      'proof_invalid',
      'ok',
      'ok',
      'proof_invalid',
    ]);
  });

  it.each([String(SECONDS), null, undefined, true])('that is %j is refused', async (iat) => {
    expect(await altered({ claims: { iat } })).toBe('proof_invalid');
  });
});

describe('the key of a proof', () => {
  it('that is not the one of the token is refused', async () => {
    expect(await coded(dpopProof(signer('ES256'), TOKEN))).toBe('proof_invalid');
  });

  it('that is shown without having signed is refused', async () => {
    expect(await coded(dpopProof(signer('ES256'), TOKEN, { header: { jwk: holder.jwk } }))).toBe('proof_invalid');
  });

  it.each(['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth'])('with the secret member %s is refused', async (name) => {
    expect(await altered({ header: { jwk: { ...holder.jwk, [name]: 'AA' } } })).toBe('proof_invalid');
  });

  it.each<[string, unknown]>([
    ['symmetric', { kty: 'oct', k: 'AAAA' }],
    ['of another curve', { kty: 'EC', crv: 'P-384', x: 'AAAA', y: 'AAAA' }],
    ['off the curve', { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA' }],
    ['of another type', { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }],
    ['without y', { kty: 'EC', crv: 'P-256', x: 'AAAA' }],
    ['of numbers', { kty: 'EC', crv: 'P-256', x: 1, y: 2 }],
    ['a list', []],
    ['a text', 'key'],
    ['absent', undefined],
    ['null', null],
  ])('that is %s is refused', async (_, jwk) => {
    expect(await altered({ header: { jwk } })).toBe('proof_invalid');
  });

  it('off the curve is refused, and no fault, also where the token is bound to it', async () => {
    const jwk = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) };
    const own = { ...holder, jwk };
    expect(await coded(dpopProof(own, TOKEN), { own })).toBe('proof_invalid');
  });

  it('marked for another purpose or algorithm is refused', async () => {
    for (const mark of [{ use: 'enc' }, { alg: 'ES384' }, { alg: 'RS256' }])
      expect(await altered({ header: { jwk: { ...holder.jwk, ...mark } } })).toBe('proof_invalid');
    expect(await altered({ header: { jwk: { ...holder.jwk, use: 'sig', alg: 'ES256', kid: 'x' } } })).toBe('ok');
  });

  it.each(['none', 'HS256', 'ES384', 'RS256', ''])('with the algorithm %j is refused', async (alg) => {
    expect(await altered({ header: { alg } })).toBe('proof_invalid');
  });
});

describe('the text of a proof', () => {
  it.each(['JWT', 'DPOP+JWT', 'at+jwt', undefined])('typ %j is refused', async (typ) => {
    expect(await altered({ header: { typ } })).toBe('proof_invalid');
  });

  it('speaks of this token', async () => {
    expect(await coded(dpopProof(holder, OTHER_TOKEN))).toBe('proof_invalid');
    expect(await altered({ claims: { ath: undefined } })).toBe('proof_invalid');
    expect(await altered({ claims: { ath: [] } })).toBe('proof_invalid');
  });

  it('is exactly one', async () => {
    const one = dpopProof(holder, TOKEN);
    for (const text of [`${one}, ${one}`, `${one},`, '', ' ', `${one} `, one.slice(1), 'a.b.c', accessToken(holder)])
      expect(await coded(text)).toBe('proof_invalid');
  });

  it('is not too long', async () => {
    expect(await altered({ claims: { x: 'x'.repeat(5000) } })).toBe('proof_invalid');
  });

  it('is covered by the signature, every character', async () => {
    const text = dpopProof(holder, TOKEN);
    const mutation = fc.record({
      at: fc.nat({ max: text.length - 1 }),
      by: fc.constantFrom(...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=')),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ at, by }) => {
        const mutated = text.slice(0, at) + by + text.slice(at + 1);
        fc.pre(mutated !== text);
        expect(await coded(mutated)).toBe('proof_invalid');
      }),
      { numRuns: 500 },
    );
  });
});

describe('a proof is used once', () => {
  const clock = { now: () => NOW };

  it('by the first of many who show it at once', async () => {
    const check = await checking(memoryReplays({ clock }));
    const proof = dpopProof(holder, TOKEN);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => check(proof)));
    expect(outcomes.filter((outcome) => outcome === 'ok')).toEqual(['ok']);
    expect(outcomes.filter((outcome) => outcome === 'replayed')).toHaveLength(19);
  });

  it.each([-59, 0, 60])('in all the time that it is recent, made %i s from now', async (offset) => {
    const clock = { at: NOW, now: () => clock.at };
    const proofs = dpopProofs({ replays: memoryReplays({ clock }) });
    const boundKey = await thumbprint(holder);
    const proof = dpopProof(holder, TOKEN, { claims: { iat: SECONDS + offset } });
    const outcomes = [];
    for (; clock.at < NOW + 130_000; clock.at += 500)
      outcomes.push(
        await proofs.check({ proof, digest: digestKey(TOKEN), method: METHOD, url: URL }, boundKey, clock.at),
      );
    expect(outcomes.indexOf('ok')).toBe(0);
    expect(outcomes.lastIndexOf('ok')).toBe(0);
    expect(outcomes.at(-1)).toBe('proof_invalid');
  });

  it('however it is signed again with the same jti', async () => {
    const check = await checking(memoryReplays({ clock }));
    expect(await check(dpopProof(holder, TOKEN))).toBe('ok');
    expect(await check(dpopProof(holder, TOKEN, { claims: { iat: SECONDS - 1 } }))).toBe('replayed');
    expect(await check(dpopProof(holder, TOKEN, { claims: { jti: 'proof-2' } }))).toBe('ok');
  });

  it('and a refused one is not used up', async () => {
    const replays = memoryReplays({ clock });
    const check = await checking(replays);
    expect(await check(dpopProof(holder, OTHER_TOKEN))).toBe('proof_invalid');
    expect(replays.size).toBe(0);
    expect(await check(dpopProof(holder, TOKEN))).toBe('ok');
  });

  it('of its key: the same jti of another is another proof', async () => {
    const replays = memoryReplays({ clock });
    const other = signer('ES256');
    expect(await (await checking(replays))(dpopProof(holder, TOKEN))).toBe('ok');
    expect(await (await checking(replays, other))(dpopProof(other, TOKEN))).toBe('ok');
  });

  it.each(['', 7, undefined, ['x'], 'j'.repeat(257)])('and named by a jti, not %j', async (jti) => {
    expect(await altered({ claims: { jti } })).toBe('proof_invalid');
  });

  it('and a store that cannot tell is a fault', async () => {
    const replays = { claim: () => Promise.reject(new Error('no answer')) };
    const ports = portsWith({ boundKey: await thumbprint(holder) }, { proofs: dpopProofs({ replays }) });
    const question = { credential: credential('DPoP'), circumstances: circumstancesOf(dpopProof(holder, TOKEN)) };
    expect(await codeOf(ports, question)).toBe('fault');
  });
});

describe('a proof that asks for a token (RFC 9449 section 5)', () => {
  const check = async (claims: Record<string, unknown>, forToken?: boolean) => {
    const proofs = dpopProofs({ replays: memoryReplays({ clock: { now: () => NOW } }) });
    const presented = {
      proof: dpopProof(holder, TOKEN, { claims }),
      digest: digestKey(TOKEN),
      method: METHOD,
      url: URL,
    };
    return proofs.check({ ...presented, ...(forToken !== undefined && { forToken }) }, await thumbprint(holder), NOW);
  };

  it('may leave out which one it speaks of, and names no other', async () => {
    expect(await check({ ath: undefined }, true)).toBe('ok');
    expect(await check({}, true)).toBe('ok');
    for (const ath of ['', null, [], 'x']) expect([ath, await check({ ath }, true)]).toEqual([ath, 'proof_invalid']);
    expect(await check({ ath: undefined }, false)).toBe('proof_invalid');
  });

  it('says which key it was made with, and a text that is no proof says none', async () => {
    expect(claimedThumbprint(dpopProof(holder, TOKEN))).toBe(await thumbprint(holder));
    for (const text of ['', 'garbage', accessToken(holder), dpopProof(holder, TOKEN, { header: { typ: 'jwt' } })])
      expect(claimedThumbprint(text)).toBeUndefined();
  });
});

async function checking(replays: DpopOptions['replays'], own: Signer = holder) {
  const proofs = dpopProofs({ replays });
  const boundKey = await thumbprint(own);
  return async (proof: string) =>
    proofs.check({ proof, digest: digestKey(TOKEN), method: METHOD, url: URL }, boundKey, NOW);
}

interface Presenting {
  readonly own?: Signer;
  readonly scheme?: string;
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly options?: Omit<DpopOptions, 'replays'>;
}

async function coded(proof: string | undefined, presenting: Presenting = {}): Promise<string> {
  const { own = holder, scheme = 'DPoP', options, ...request } = presenting;
  const proofs = dpopProofs({ replays: memoryReplays({ clock: { now: () => NOW } }), ...options });
  const ports = portsWith({ boundKey: await thumbprint(own) }, { proofs });
  return codeOf(ports, { credential: credential(scheme), circumstances: { ...circumstancesOf(proof), ...request } });
}

function altered(parts: Altered): Promise<string> {
  return coded(dpopProof(holder, TOKEN, parts));
}

function circumstancesOf(proof: string | undefined) {
  return { proof, method: METHOD, url: URL };
}

function credential(scheme: string) {
  const authorization = scheme === 'key' ? [] : [`${scheme} ${TOKEN}`];
  const found = presence({ authorization, apiKey: scheme === 'key' ? [TOKEN] : [], query: '' });
  if (found.outcome !== 'present') throw new Error('no credential');
  return found.credential;
}

/** A signature is valid by the key that made it and by no other, whatever the text says of itself. */
import { Buffer } from 'node:buffer';
import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { inspectText, readKeys } from '../../src/inspect/inspect-text.ts';
import { base64url, CLAIMS, NOW, signedBy, signedText, signing } from '../support/signed-texts.ts';

const ALGORITHMS = [
  ...['EdDSA', 'Ed25519', 'ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['HS256', 'HS384', 'HS512', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'],
];
const all = ALGORITHMS.map((alg) => signing(alg));

async function check(text: string, keys: readonly object[]) {
  const found = await inspectText(text, { now: NOW, keys: readKeys(JSON.stringify({ keys })) });
  if (found.kind !== 'jws') throw new Error(found.kind);
  const problems = found.findings.filter(({ level }) => level !== 'note').map(({ code }) => code);
  return { ...found.details.signature, problems };
}

describe.each(all)('$alg', (one) => {
  const text = signedBy(one);
  it('is valid by its key, which is named, among all others', async () => {
    const keys = all.map(({ jwk }) => jwk);
    expect(await check(text, keys)).toMatchObject({ valid: true, key: { kid: `of-${one.alg}` }, problems: [] });
  });

  it('is not valid by another key of the same kind, nor when any part was changed', async () => {
    expect(await check(text, [signing(one.alg.replace('HS', 'ES')).jwk])).toMatchObject({ key: null });
    const [header = '', , signature = ''] = text.split('.');
    const other = `${header}.${base64url({ ...CLAIMS, sub: 'own_2' })}.${signature}`;
    const flipped = Buffer.from(signature, 'base64url');
    flipped[9] = (flipped[9] ?? 0) ^ 1;
    const edited = text.slice(0, -signature.length) + flipped.toString('base64url');
    for (const changed of [other, edited])
      expect(await check(changed, [one.jwk])).toMatchObject({
        checked: true,
        valid: false,
        problems: ['signature_invalid'],
      });
  });
});

it('without a kid, or with one that no key has, every key of the algorithm is tried', async () => {
  const [one, other] = [signing('ES256', 'a'), signing('ES256', 'b')];
  const keys = [other.jwk, all[0]?.jwk ?? {}, one.jwk];
  expect(await check(signedBy(one, { kid: undefined }), keys)).toMatchObject({
    valid: true,
    key: { kid: 'a', index: 2 },
    problems: ['kid_missing'],
  });
  expect(await check(signedBy(one, { kid: 'c' }), keys)).toMatchObject({ valid: true, problems: ['no_such_key'] });
  expect(await check(signedBy(one, { kid: 'b' }), keys)).toMatchObject({
    valid: false,
    problems: ['signature_invalid'],
  });
});

it('a public key is never taken for a shared secret', async () => {
  const rsa = signing('RS256');
  const key = createPublicKey({ key: rsa.jwk as JsonWebKey, format: 'jwk' });
  const forgeries = [
    ...(['spki', 'pkcs1'] as const).flatMap((type) => [
      key.export({ type, format: 'pem' }),
      key.export({ type, format: 'der' }),
    ]),
    String(rsa.jwk.n),
  ];
  for (const secret of forgeries) {
    const body = `${base64url({ alg: 'HS256', typ: 'at+jwt', kid: rsa.jwk.kid })}.${base64url(CLAIMS)}`;
    const text = `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
    expect(await check(text, [rsa.jwk])).toMatchObject({
      checked: false,
      valid: null,
      problems: ['alg_confusion', 'signature_invalid'],
    });
  }
});

it('a key that the text brings along is never used', async () => {
  const [own, given] = [signing('EdDSA', 'x'), signing('EdDSA', 'x')];
  const text = signedBy(own, { jwk: own.jwk, jku: 'http://127.0.0.1:9/' });
  expect(await check(text, [given.jwk])).toMatchObject({ valid: false });
});

it('a key is used for its own algorithm and purpose only', async () => {
  const rsa = signing('PS256');
  for (const other of [{ alg: 'RS256' }, { use: 'enc' }])
    expect(await check(signedBy(rsa), [{ ...rsa.jwk, ...other }])).toMatchObject({
      checked: false,
      problems: ['key_unusable', 'signature_invalid'],
    });
});

it('what is none, or has no signature, is not checked', async () => {
  const { jwk } = signing('EdDSA', 'key_1');
  for (const text of [
    signedText({ header: { alg: 'none', kid: 'key_1' }, signature: '' }),
    signedText({ header: '{"x' }),
  ])
    expect(await check(text, [jwk])).toMatchObject({ checked: false, valid: null, key: null });
});

it('texts that hold no keys are refused', () => {
  for (const text of ['', '{}', '[]', '{"keys":[]}', '{"keys":7}', '{"keys":[7]}', 'x', '['.repeat(100_000)])
    expect(readKeys(text)).toBeUndefined();
  expect(readKeys(JSON.stringify(signing('EdDSA').jwk))).toHaveLength(1);
});

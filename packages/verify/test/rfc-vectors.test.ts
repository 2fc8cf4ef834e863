/** vectors/signed-texts.json: the texts of RFC 7515, 7516, 7519, 7520, 7797 and 8037. */
import { Buffer } from 'node:buffer';
import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isSignatureOf } from '../src/jose/signatures.ts';
import { strictCompact } from '../src/jose/strict-compact.ts';
import { isSignedBy, type VerifyingKey } from '../src/jose/verifying-key.ts';
import type { SigningAlgorithm } from '../src/jose.ts';
import { askedFor, signedLookupOf } from './support/signed-lookup.ts';
import { signer } from './support/signing.ts';
import { NOW } from './support/tokens.ts';

interface Vector {
  readonly name: string;
  readonly source: string;
  readonly text: string;
  readonly key?: Readonly<Record<string, string>> & { readonly alg: SigningAlgorithm };
  readonly expected: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

const { cases } = JSON.parse(readFileSync(new URL('../../../vectors/signed-texts.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Vector[];
};

const LENGTH = 8192;

/** What each outcome means. One that is not here fails the run. */
const outcomes: Readonly<Record<string, (vector: Vector) => void>> = {
  verified(vector) {
    expect(read(vector).claims).toEqual(vector.claims);
    expect(isSignedBy(read(vector), keyOf(vector))).toBe(true);
    expect(isSignedBy(read(vector), { ...keyOf(vector), lowS: true })).toBe(true);
    expect(isSignedBy(read({ ...vector, text: otherClaims(vector.text) }), keyOf(vector))).toBe(false);
  },
  'verified, unless it had to have a low S'(vector) {
    expect(read(vector).claims).toEqual(vector.claims);
    expect(isSignedBy(read(vector), keyOf(vector))).toBe(true);
    expect(isSignedBy(read(vector), { ...keyOf(vector), lowS: true })).toBe(false);
  },
  'signed, but no claims'(vector) {
    const at = vector.text.lastIndexOf('.');
    const signature = Buffer.from(vector.text.slice(at + 1), 'base64url');
    expect(isSignatureOf(signature, Buffer.from(vector.text.slice(0, at)), keyOf(vector))).toBe(true);
    expect(strictCompact(vector.text, LENGTH)).toBeUndefined();
  },
  'read, and nothing verifies it'(vector) {
    expect(read(vector).signature).toHaveLength(0);
    for (const { key } of cases) {
      if (key !== undefined) expect(isSignedBy(read(vector), keyOf({ ...vector, key }))).toBe(false);
    }
  },
  'not read'({ text }) {
    expect(strictCompact(text, LENGTH)).toBeUndefined();
  },
};

describe('vectors/signed-texts.json', () => {
  it.each(cases.map((vector) => [vector.source, vector.name, vector] as const))('%s, %s', (_, __, vector) => {
    const outcome = outcomes[vector.expected];
    if (outcome === undefined) throw new Error(`no such outcome: ${vector.expected}`);
    outcome(vector);
  });

  it('holds no access token', async () => {
    const lookup = signedLookupOf(['key-1', signer('ES256')]);
    for (const { text } of cases) expect(await lookup.find(text, askedFor(text, NOW))).toBe('malformed');
  });
});

function read({ text }: Vector) {
  const found = strictCompact(text, LENGTH);
  if (found === undefined) throw new Error('not read');
  return found;
}

function keyOf({ key, name }: Vector): VerifyingKey {
  if (key === undefined) throw new Error(`no key: ${name}`);
  const { alg, ...jwk } = key;
  return { alg, key: keyObject(jwk) };
}

function keyObject(jwk: JsonWebKey): KeyObject {
  return jwk.kty === 'oct' ? createSecretKey(jwk.k ?? '', 'base64url') : createPublicKey({ key: jwk, format: 'jwk' });
}

function otherClaims(text: string): string {
  const [header, , signature] = text.split('.');
  return `${header}.${Buffer.from('{"iss":"jim"}').toString('base64url')}.${signature}`;
}

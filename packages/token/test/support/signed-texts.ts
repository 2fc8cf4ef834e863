/** Compact texts of any header and claims, and keys that sign some. */
import { Buffer } from 'node:buffer';
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** 2027-01-15T08:00:00Z: every text of these tests is judged then, in milliseconds. */
export const NOW = 1_800_000_000_000;
const SECONDS = NOW / 1000;

export const HEADER = { alg: 'ES256', typ: 'at+jwt', kid: 'key_1' };
export const CLAIMS = {
  iss: 'https://issuer.example.test',
  sub: 'own_1',
  aud: 'https://orders.example.test',
  client_id: 'cli_1',
  jti: 'tok_1',
  iat: SECONDS - 60,
  exp: SECONDS + 540,
  scope: 'orders:read orders:write',
};

export const base64url = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** Bytes that look like a signature of ES256 and verify nothing; S is low. */
export const SIGNATURE = Buffer.alloc(64, 7).toString('base64url');

export interface Parts {
  readonly header?: unknown;
  readonly claims?: unknown;
  readonly signature?: string;
}

/** A member that is undefined is left out; a text stands as it is. */
export function signedText({ header = HEADER, claims = CLAIMS, signature = SIGNATURE }: Parts = {}): string {
  return `${base64url(header)}.${base64url(claims)}.${signature}`;
}

export interface Signing {
  readonly alg: string;
  readonly jwk: Readonly<Record<string, unknown>>;
  readonly sign: (text: string) => string;
}

export function signing(alg: string, kid = `of-${alg}`): Signing {
  if (alg.startsWith('HS')) {
    const secret = Buffer.alloc(64, alg);
    const hash = `sha${alg.slice(2)}`;
    return {
      alg,
      jwk: { kty: 'oct', alg, kid, k: secret.toString('base64url') },
      sign: (text) => createHmac(hash, secret).update(text).digest('base64url'),
    };
  }
  const { privateKey, publicKey } = keyPair(alg);
  const hash = /(?:256|384|512)$/.exec(alg)?.[0];
  return {
    alg,
    jwk: { ...publicKey.export({ format: 'jwk' }), alg, kid },
    sign: (text) =>
      sign(hash === undefined ? null : `sha${hash}`, Buffer.from(text), {
        key: privateKey,
        dsaEncoding: 'ieee-p1363',
        ...(alg.startsWith('PS') ? { padding: 6, saltLength: Number(hash) / 8 } : {}),
      }).toString('base64url'),
  };
}

/** Signed for true. */
export function signedBy({ alg, jwk, sign: signText }: Signing, header: object = {}, claims: object = CLAIMS): string {
  const body = `${base64url({ ...HEADER, alg, kid: jwk.kid, ...header })}.${base64url(claims)}`;
  return `${body}.${signText(body)}`;
}

function keyPair(alg: string): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  switch (alg) {
    case 'EdDSA':
    case 'Ed25519':
      return generateKeyPairSync('ed25519');
    case 'ES256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ES384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'ES512':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' });
    case 'ML-DSA-44':
      return generateKeyPairSync('ml-dsa-44');
    case 'ML-DSA-65':
      return generateKeyPairSync('ml-dsa-65');
    case 'ML-DSA-87':
      return generateKeyPairSync('ml-dsa-87');
    default:
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
  }
}

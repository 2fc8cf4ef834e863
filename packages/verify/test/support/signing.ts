/** Issuers and callers that sign, for tests. Text is put together by hand, so that it can be wrong in any way. */
import { Buffer } from 'node:buffer';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { NOW } from './tokens.ts';

export type Alg = 'EdDSA' | 'ES256' | 'PS256' | 'RS256' | 'ML-DSA-65';

export interface Signer {
  readonly alg: Alg;
  readonly privateKey: KeyObject;
  /** Public members only. */
  readonly jwk: Record<string, unknown>;
}

export const ISSUER = 'https://issuer.example.test';
export const AUDIENCE = 'https://api.example.test';
export const SECONDS = NOW / 1000;

export function signer(alg: Alg): Signer {
  const { privateKey, publicKey } = keyPair(alg);
  return { alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }) } };
}

function keyPair(alg: Alg): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  if (alg === 'ML-DSA-65') return generateKeyPairSync('ml-dsa-65');
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

export function jwksOf(...named: readonly (readonly [kid: string, signer: Signer])[]) {
  return { keys: named.map(([kid, { alg, jwk }]) => ({ ...jwk, kid, alg, use: 'sig' })) };
}

export function thumbprint({ jwk }: Signer): Promise<string> {
  return calculateJwkThumbprint(jwk);
}

export function base64url(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64url');
}

export function bytesOfSignature(input: string, { alg, privateKey }: Signer): Buffer {
  const data = Buffer.from(input);
  if (alg === 'EdDSA' || alg === 'ML-DSA-65') return sign(null, data, privateKey);
  if (alg === 'ES256') return sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  // RSASSA-PSS with a salt as long as the digest (RFC 7518 section 3.5); 6 is RSA_PKCS1_PSS_PADDING.
  return sign('sha256', data, alg === 'PS256' ? { key: privateKey, padding: 6, saltLength: 32 } : { key: privateKey });
}

/** Signs header and payload texts exactly as they are written. */
export function signedText(header: string, payload: string, by: Signer): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${base64url(bytesOfSignature(input, by))}`;
}

export interface Altered {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** An access token in order, but for what is altered. An `undefined` member is left out. */
export function accessToken(by: Signer, { header, claims }: Altered = {}): string {
  return signedText(
    JSON.stringify({ alg: by.alg, typ: 'at+jwt', kid: 'key-1', ...header }),
    JSON.stringify({
      iss: ISSUER,
      sub: 'user-7',
      aud: AUDIENCE,
      client_id: 'shop',
      jti: 'jwt-1',
      iat: SECONDS - 10,
      exp: SECONDS + 600,
      scope: 'orders:read',
      ...claims,
    }),
    by,
  );
}

export const METHOD = 'POST';
export const URL = 'https://api.example.test/orders';

/** A proof in order for a `POST` of `URL` with this token, but for what is altered. */
export function dpopProof(by: Signer, token: string, { header, claims }: Altered = {}): string {
  return signedText(
    JSON.stringify({ alg: by.alg, typ: 'dpop+jwt', jwk: by.jwk, ...header }),
    JSON.stringify({
      jti: 'proof-1',
      htm: METHOD,
      htu: URL,
      iat: SECONDS,
      ath: createHash('sha256').update(token).digest('base64url'),
      ...claims,
    }),
    by,
  );
}

/** What is signed here is verified by what others verify with, and what they sign is judged here. */
import { Buffer } from 'node:buffer';
import { execFile } from 'node:child_process';
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { createSigner, createVerifier } from 'fast-jwt';
import { compactVerify, SignJWT } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { customFetch, validateJwtAccessToken } from 'oauth4webapi';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/support/program.ts';
import { type SigningAlgorithm, signCompact } from '../src/jose.ts';
import { askedFor, signedLookupOf } from './support/signed-lookup.ts';
import { AUDIENCE, ISSUER, jwksOf, type Signer, signer } from './support/signing.ts';

const HEADER = { typ: 'at+jwt', kid: 'key-1' };
/** Others look at the clock of the machine. */
const NOW = Math.floor(Date.now() / 1000);
const CLAIMS = {
  iss: ISSUER,
  sub: 'user-7',
  aud: AUDIENCE,
  client_id: 'shop',
  jti: 'tok_1',
  iat: NOW,
  exp: NOW + 600,
  scope: 'orders:read',
  tsr: { api: 'api_1', env: 'live', kind: 'access_token', name: 'Žofie' },
};

const signers = {
  EdDSA: signer('EdDSA'),
  ES256: signer('ES256'),
  PS256: signer('PS256'),
  RS256: signer('RS256'),
  'ML-DSA-65': signer('ML-DSA-65'),
} as const;
const secret = createSecretKey(Buffer.alloc(32, 'a secret of the server and of nobody else'));

type Verify = (text: string, alg: SigningAlgorithm) => Promise<unknown>;

const others: Readonly<Record<string, { readonly algs: readonly SigningAlgorithm[]; readonly verify: Verify }>> = {
  jose: {
    algs: ['EdDSA', 'ES256', 'PS256', 'RS256', 'HS256', 'ML-DSA-65'],
    verify: async (text, alg) => {
      const { payload } = await compactVerify(text, publicKey(alg), { algorithms: [alg] });
      return JSON.parse(Buffer.from(payload).toString()) as unknown;
    },
  },
  jsonwebtoken: {
    algs: ['ES256', 'PS256', 'RS256', 'HS256'],
    verify: async (text, alg) =>
      jsonwebtoken.verify(text, publicKey(alg), {
        algorithms: [alg as 'ES256'],
        issuer: ISSUER,
        audience: AUDIENCE,
      }),
  },
  'fast-jwt': {
    algs: ['EdDSA', 'ES256', 'PS256', 'RS256', 'HS256'],
    verify: async (text, alg) => {
      const options = { algorithms: [alg as 'ES256'], allowedIss: ISSUER, allowedAud: AUDIENCE, cache: false };
      return createVerifier({ ...options, key: exported(publicKey(alg)) })(text) as unknown;
    },
  },
  'oauth4webapi, as an access token of RFC 9068,': {
    algs: ['EdDSA', 'ES256', 'PS256', 'RS256'],
    verify: (text, alg) => {
      const server = { issuer: ISSUER, jwks_uri: `${ISSUER}/.well-known/jwks.json` };
      const request = new Request('https://api.example.test/', { headers: { authorization: `Bearer ${text}` } });
      const keys = async () => Response.json(jwksOf(['key-1', signerOf(alg)]));
      return validateJwtAccessToken(server, request, AUDIENCE, { [customFetch]: keys });
    },
  },
};

describe.each(Object.entries(others))('%s', (_, { algs, verify }) => {
  it.each(algs)('verifies what is signed here by %s, and nothing that was altered', async (alg) => {
    const text = signed(alg);
    expect(await verify(text, alg)).toEqual(CLAIMS);
    await expect(verify(altered(text), alg)).rejects.toThrow();
  });
});

const PYJWT = '/usr/lib/python3/dist-packages/jwt';
const CRYPTOGRAPHY = '/usr/lib/python3/dist-packages/cryptography';

describeWith(['/usr/bin/python3', PYJWT, CRYPTOGRAPHY], 'PyJWT, of python3-jwt and python3-cryptography,', () => {
  const PROGRAM = `
import json, sys, jwt
asked = json.load(sys.stdin)
for alg, key, text in asked["texts"]:
    try:
        claims = jwt.decode(text, key, algorithms=[alg], audience=asked["aud"], issuer=asked["iss"])
    except jwt.InvalidSignatureError:
        claims = "invalid signature"
    print(json.dumps([alg, claims]))
`;

  it('verifies what is signed here, and nothing that was altered', async () => {
    const algs = ['EdDSA', 'ES256', 'PS256', 'RS256', 'HS256'] as const;
    const pair = (alg: SigningAlgorithm, text: string) => [alg, exported(publicKey(alg)).toString('latin1'), text];
    const texts = algs.flatMap((alg) => [pair(alg, signed(alg)), pair(alg, altered(signed(alg)))]);
    const running = promisify(execFile)('/usr/bin/python3', ['-I', '-c', PROGRAM]);
    running.child.stdin?.end(JSON.stringify({ aud: AUDIENCE, iss: ISSUER, texts }));
    const { stdout } = await running;
    const answers = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(answers).toEqual(
      algs.flatMap((alg) => [
        [alg, CLAIMS],
        [alg, 'invalid signature'],
      ]),
    );
  });
});

describe('a token that was signed', () => {
  it.each(['EdDSA', 'ES256', 'PS256', 'RS256', 'ML-DSA-65'] as const)('by jose with %s is judged', async (alg) => {
    const { privateKey } = signerOf(alg);
    expect(await judged(alg, await new SignJWT(CLAIMS).setProtectedHeader({ alg, ...HEADER }).sign(privateKey))).toBe(
      'tok_1',
    );
  });

  it.each(['ES256', 'PS256', 'RS256'] as const)('by jsonwebtoken with %s is judged', async (alg) => {
    const { privateKey } = signerOf(alg);
    const text = jsonwebtoken.sign(CLAIMS, privateKey, { algorithm: alg, header: { alg, ...HEADER } });
    expect(await judged(alg, text)).toBe('tok_1');
  });

  it.each(['EdDSA', 'ES256', 'PS256', 'RS256'] as const)('by fast-jwt with %s is judged', async (alg) => {
    const { privateKey } = signerOf(alg);
    const sign = createSigner({ key: exported(privateKey), algorithm: alg, header: { alg, ...HEADER } });
    expect(await judged(alg, sign(CLAIMS))).toBe('tok_1');
  });
});

function signed(alg: SigningAlgorithm): string {
  const key = alg === 'HS256' ? secret : signerOf(alg).privateKey;
  return signCompact(HEADER, CLAIMS, { alg, key });
}

/** The same token, for one second longer. */
function altered(text: string): string {
  const [header, , signature] = text.split('.');
  const payload = Buffer.from(JSON.stringify({ ...CLAIMS, exp: CLAIMS.exp + 1 })).toString('base64url');
  return `${header}.${payload}.${signature}`;
}

async function judged(alg: SigningAlgorithm, text: string): Promise<string> {
  const found = await signedLookupOf(['key-1', signerOf(alg)]).find(text, askedFor(text, NOW * 1000));
  return typeof found === 'string' ? found : found.id;
}

function signerOf(alg: SigningAlgorithm): Signer {
  if (alg === 'HS256') throw new Error('a shared secret is nobody’s key pair');
  return signers[alg];
}

function publicKey(alg: SigningAlgorithm): KeyObject {
  return alg === 'HS256' ? secret : createPublicKey(signerOf(alg).privateKey);
}

/** As text, for those who take no key objects; a shared secret as its bytes. */
function exported(key: KeyObject): Buffer {
  if (key.type === 'secret') return key.export();
  return Buffer.from(key.export({ format: 'pem', type: key.type === 'private' ? 'pkcs8' : 'spki' }));
}

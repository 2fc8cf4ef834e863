/** What Tessera signed is verified elsewhere with the published keys alone, and goes on being while keys are rotated. */
import { createPublicKey } from 'node:crypto';
import { createVerifier } from '@tessera/verify';
import { createVerifier as fastVerifier } from 'fast-jwt';
import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { allowInsecureRequests, validateJwtAccessToken } from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, call, newWorkspace, type Workspace } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';
import { codeOf } from './support/verifier.ts';

const PUBLIC_URL = 'https://tokens.example.test';
const AUDIENCE = 'https://orders.example.test';

let server: Server;
let workspace: Workspace;
let admin: Caller;
let issuer: string;
let jwksUrl: string;

beforeAll(async () => {
  server = await startServer({ env: { TESSERA_PUBLIC_URL: PUBLIC_URL } });
  workspace = await newWorkspace(server);
  admin = workspace.admin;
  issuer = `${PUBLIC_URL}/workspaces/${workspace.id}`;
  jwksUrl = `${server.url}/workspaces/${workspace.id}/jwks.json`;
}, STARTS_MS);
afterAll(endServers);

type Alg = 'EdDSA' | 'ES256' | 'PS256' | 'RS256';

/** A token of an api whose tokens are signed so. */
async function signed(alg: Alg): Promise<string> {
  const audience = `${AUDIENCE}/${alg}`;
  const { items } = await admin.do('apis.list');
  if (!items.some((api) => api.audience === audience))
    await admin.do('apis.create', { body: { audience, scopes: 'any', jwt: { alg } } });
  return (await admin.mint({ api: audience, format: 'jwt', scopes: ['orders:read'] })).token;
}

interface Published {
  readonly keys: readonly (Record<string, string> & { readonly kid: string })[];
}

/** The public key that a text names, as a program without a library for key sets would find it. */
async function publicKey(text: string) {
  const { kid } = decodeProtectedHeader(text);
  const { body } = await call<Published>({ url: '' }, `GET ${jwksUrl}` as 'GET /');
  const jwk = body.keys.find((key) => key.kid === kid);
  return createPublicKey({ key: { ...jwk }, format: 'jwk' });
}

const others: Readonly<Record<string, { algs: readonly Alg[]; verify: (text: string, alg: Alg) => Promise<unknown> }>> =
  {
    jsonwebtoken: {
      algs: ['ES256', 'PS256', 'RS256'],
      verify: async (text, alg) =>
        jsonwebtoken.verify(text, await publicKey(text), {
          algorithms: [alg as 'ES256'],
          issuer,
          audience: `${AUDIENCE}/${alg}`,
        }),
    },
    'fast-jwt': {
      algs: ['EdDSA', 'ES256', 'PS256', 'RS256'],
      verify: async (text, alg) => {
        const key = (await publicKey(text)).export({ format: 'pem', type: 'spki' });
        const options = { algorithms: [alg], allowedIss: issuer, allowedAud: `${AUDIENCE}/${alg}`, cache: false };
        return fastVerifier({ ...options, key })(text) as unknown;
      },
    },
    'oauth4webapi (RFC 9068)': {
      algs: ['EdDSA', 'ES256', 'PS256', 'RS256'],
      verify: (text, alg) => {
        const request = new Request('https://orders.example.test/', { headers: { authorization: `Bearer ${text}` } });
        const options = { [allowInsecureRequests]: true };
        return validateJwtAccessToken({ issuer, jwks_uri: jwksUrl }, request, `${AUDIENCE}/${alg}`, options);
      },
    },
  };

describe.each(Object.entries(others))('%s', (_, { algs, verify }) => {
  it.each(algs)('verifies a token by %s with the published keys', async (alg) => {
    const text = await signed(alg);
    expect(await verify(text, alg)).toMatchObject({ iss: issuer, scope: 'orders:read' });
  });
});

describe('rotating keys', () => {
  it.each(['EdDSA', 'ES256'] as const)('of %s fails no verification, here or elsewhere, under load', async (alg) => {
    await signed(alg);
    const found: string[] = [];
    const kids = new Set<string>();
    // As services do it: the set is kept, and fetched again for a key that is not in it.
    const { token: verifying } = await workspace.scoped('verify');
    const verifier = createVerifier({ url: server.url, token: verifying, audience: `${AUDIENCE}/${alg}` });
    await verifier.ready();
    const keys = createRemoteJWKSet(new URL(jwksUrl), { cooldownDuration: 0 });
    const verified = (token: string) =>
      jwtVerify(token, keys, { issuer, audience: `${AUDIENCE}/${alg}`, typ: 'at+jwt' });
    // Whoever joins a fetch that was under way when his key was made asks for the set again.
    const again = (token: string) => (error: unknown) => {
      if (error instanceof errors.JWKSNoMatchingKey) return verified(token);
      throw error;
    };
    const first = await signed(alg);
    let done = false;
    const working = async (): Promise<void> => {
      while (!done) {
        const text = await signed(alg);
        kids.add(decodeProtectedHeader(text).kid ?? '');
        for (const token of [text, first]) {
          const here = admin.verify(token).then(({ code }) => code);
          const there = verified(token)
            .catch(again(token))
            .then(
              () => 'ok',
              (error: unknown) => String(error),
            );
          found.push(...(await Promise.all([here, there, codeOf(verifier, token)])));
        }
      }
    };
    const workers = Array.from({ length: 4 }, working);
    for (let rotation = 0; rotation < 10; rotation += 1) {
      const used = kids.size;
      await Promise.all([1, 2].map(() => admin.do('keys.rotate', { body: { alg } })));
      await until(
        async () => kids.size,
        (size) => size > used,
      );
    }
    done = true;
    await Promise.all(workers);
    await verifier.close();
    expect(new Set(found)).toEqual(new Set(['ok']));
    expect(kids.size).toBeGreaterThanOrEqual(10);
  });
});

/** A server that trusts issuers of its tests: an api, a route that needs it, and two issuers over TLS. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BodyInput, Output } from '@tessera/contract';
import { type Caller, caller } from './call.ts';
import { type Authority, certificates } from './certificates.ts';
import { type Minting, startIssuer, type TestIssuer } from './issuer.ts';
import { type Server, startServer } from './server.ts';

export const AUDIENCE = 'https://orders.example.test';

export interface Trusting {
  readonly server: Server;
  readonly authority: Authority;
  /** What another server needs in its environment to ask the same issuers. */
  readonly env: Readonly<Record<string, string>>;
  readonly admin: Caller;
  /** Id of the api. It defines `orders:read` and `orders:write`. */
  readonly api: string;
  readonly issuer: TestIssuer;
  /** Signs with RS256. */
  readonly other: TestIssuer;
  /** Trusts `issuer` for the api by discovery, with the scopes that its tokens tell. */
  trust(more?: Partial<BodyInput<'issuers.create'>>): Promise<Output<'issuers.create'>>;
  /** A token of `issuer` for the api. */
  mint(minting?: Minting): string;
  codeOf(token: string, more?: Partial<BodyInput<'verify.one'>>): Promise<string>;
  /** Both issuers behave, and nobody trusts any. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export async function startTrusting(): Promise<Trusting> {
  const authority = certificates();
  const issuer = await startIssuer(authority);
  const other = await startIssuer(authority, { alg: 'RS256' });
  const upstream = createServer((request, response) => {
    // An answer that lasts, at one path.
    if (request.url === '/orders/stream') response.write('first');
    else response.end(JSON.stringify(request.headers));
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { port } = upstream.address() as AddressInfo;
  const env = { TESSERA_ISSUER_CA: authority.certificate, TESSERA_ISSUER_ADDRESSES: '127.0.0.0/8,::1' };
  const server = await startServer({
    env: { ...env, TESSERA_FAILED_CREDENTIALS_PER_MINUTE: '100000' },
    config: `routes:
  - name: orders
    match: { path: /orders/* }
    require: { api: ${AUDIENCE}, scopes: ["orders:read"] }
    upstream: http://127.0.0.1:${port}
`,
  });
  const admin = caller(server, server.rootToken);
  const { id: api } = await admin.do('apis.create', {
    body: { audience: AUDIENCE, scopes: { 'orders:read': 'see', 'orders:write': 'change' } },
  });
  const scopes = [{ claim: 'scope', prefix: '' }];
  return {
    server,
    authority,
    env,
    admin,
    api,
    issuer,
    other,
    trust: (more = {}) =>
      admin.do('issuers.create', {
        body: { api, issuer: issuer.url, method: { discovery: true }, scopes, ...more },
      }),
    mint: (minting) => issuer.mint(AUDIENCE, minting),
    codeOf: async (token, more = {}) => (await admin.verify(token, more)).code,
    async reset() {
      for (const one of [issuer, other]) one.mood = 'fine';
      const { items } = await admin.do('issuers.list');
      for (const { id } of items) await admin.do('issuers.delete', { id });
    },
    async close() {
      await Promise.all([issuer.close(), other.close()]);
      upstream.closeAllConnections();
      upstream.close();
      authority.remove();
    },
  };
}

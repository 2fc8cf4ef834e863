/** oidc-provider with introspection on, its tokens in a Map of this process: nothing is stored, and nothing has to be looked up. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type AdapterConstructor, type AdapterPayload } from 'oidc-provider';
import { INTROSPECTING } from '../rig/requests.ts';
import { tokenText } from '../rig/tokens.ts';

const [tokens = '0'] = process.argv.slice(2);
const DAY = 86_400;

const kept = new Map<string, AdapterPayload>();
const now = Math.floor(Date.now() / 1000);
for (let index = 0; index < Number(tokens); index += 1) {
  const jti = tokenText(index);
  const token = { jti, kind: 'ClientCredentials', clientId: INTROSPECTING.client, aud: 'default' };
  kept.set(jti, { ...token, scope: 'orders:read orders:write', iat: now, exp: now + 90 * DAY });
}

class MapAdapter {
  readonly model: string;
  constructor(model: string) {
    this.model = model;
  }
  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.model === 'ClientCredentials' ? kept.get(id) : undefined;
  }
  async findByUid(): Promise<undefined> {}
  async findByUserCode(): Promise<undefined> {}
  async upsert(): Promise<void> {}
  async consume(): Promise<void> {}
  async destroy(): Promise<void> {}
  async revokeByGrantId(): Promise<void> {}
}

const provider = new Provider('http://127.0.0.1', {
  adapter: MapAdapter satisfies AdapterConstructor,
  clients: [
    {
      client_id: INTROSPECTING.client,
      client_secret: INTROSPECTING.secret,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
  },
});
const server = createServer({ keepAliveTimeout: 65_000 }, provider.callback());
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));

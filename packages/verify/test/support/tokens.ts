/** Tokens and their facts, for tests: everything is in order unless a test says otherwise. */
import { generate } from '@tessera/token';
import { digestKey, memoryLookup, type TokenFacts } from '../../src/index.ts';

export const NOW = Date.UTC(2026, 0, 15, 12);

export const TOKEN = generate({ prefix: 'tsr', environment: 'live' });
export const OTHER_TOKEN = generate({ prefix: 'tsr', environment: 'live' });

export function factsOf(parts: Partial<TokenFacts> = {}): TokenFacts {
  return {
    id: 'tok_1',
    kind: 'api_key',
    name: 'build robot',
    workspace: { id: 'ws_1', enabled: true },
    owner: { id: 'own_1', type: 'service', roles: ['deployer'], enabled: true },
    api: { id: 'api_1', audience: 'https://api.example.test' },
    environment: 'live',
    scopes: ['orders:read', 'orders:write'],
    expiresAt: NOW + 3_600_000,
    secret: { key: digestKey(TOKEN), state: 'active', until: undefined },
    enabled: true,
    revokedAt: undefined,
    notBefore: undefined,
    limits: [],
    quotas: [],
    addresses: [],
    boundKey: undefined,
    ...parts,
  };
}

export function lookupOf(...known: readonly (readonly [text: string, facts: TokenFacts])[]) {
  const lookup = memoryLookup();
  for (const [text, facts] of known) lookup.add(text, facts);
  return lookup;
}

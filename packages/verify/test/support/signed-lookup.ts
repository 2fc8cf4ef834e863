/** Lookups of signed tokens of the one issuer, for the one audience. */
import { digestKey, requirement, type SignedAsked, type SignedLookup } from '../../src/index.ts';
import { jwtLookup } from '../../src/jose.ts';
import { AUDIENCE, ISSUER, jwksOf, type Signer } from './signing.ts';

export const WORKSPACE = { id: 'ws_1', enabled: true };

export function lookupOptions(...keys: readonly (readonly [kid: string, signer: Signer])[]) {
  return { issuer: ISSUER, audience: AUDIENCE, keys: jwksOf(...keys), facts: () => ({ workspace: WORKSPACE }) };
}

/** What a lookup is asked for a text that is presented anywhere. */
export function askedFor(text: string, now: number): SignedAsked {
  return { digest: digestKey(text), requirement: requirement({}), now };
}

export function signedLookupOf(...keys: readonly (readonly [kid: string, signer: Signer])[]): SignedLookup {
  return jwtLookup(lookupOptions(...keys));
}

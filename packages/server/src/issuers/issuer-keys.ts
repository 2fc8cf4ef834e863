/** Where the keys of each issuer come from: a URL that is given, or the one that its discovery document names (OpenID Connect Discovery 1.0). */
import { type KeySet, keySet } from '@tessera/verify/jose';
import { LRUCache } from 'lru-cache';
import type { IssuerKeys } from '../core/issuers/foreign-tokens.ts';
import type { ForeignAlgorithm, Issuer } from '../core/issuers/issuer.ts';
import { type FollowedKeys, followedKeys } from './followed-keys.ts';
import type { IssuerEvents } from './issuer-events.ts';
import type { Outbound } from './outbound.ts';

export interface IssuerKeysOptions {
  readonly outbound: Pick<Outbound, 'json'>;
  /** How old keys may be that cannot be fetched again. */
  readonly keptMs: number;
  readonly events: IssuerEvents;
}

export interface FollowedIssuerKeys extends IssuerKeys {
  /** Of the sets in use, the age of the oldest in milliseconds; 0 where there is none. */
  oldestMs(now: number): number;
}

/** Sets that are followed at once. One of them takes a few kilobytes. */
const MOST_SETS = 1000;

export function issuerKeys({ outbound, keptMs, events }: IssuerKeysOptions): FollowedIssuerKeys {
  const followed = new LRUCache<string, FollowedKeys>({ max: MOST_SETS });
  return {
    of(issuer) {
      const { algorithms } = issuer.rules;
      const source = sourceOf(issuer);
      // Workspaces share what is public. Another list of algorithms may read another set from the same answer.
      const name = JSON.stringify([source, algorithms]);
      const known = followed.get(name);
      if (known !== undefined) return known;
      const keys = followedKeys({
        fetch: () => fetchKeys(source, algorithms, outbound),
        keptMs,
        on: (event, error) => events.keys(event, issuer.issuer, error),
      });
      followed.set(name, keys);
      return keys;
    },
    oldestMs: (now) => Math.max(0, ...[...followed.values()].map((keys) => keys.ageMs(now) ?? 0)),
  };
}

type Source = { readonly issuer: string } | { readonly jwksUrl: string };

function sourceOf({ issuer, method }: Issuer): Source {
  if ('jwksUrl' in method) return { jwksUrl: method.jwksUrl };
  if ('discovery' in method) return { issuer };
  throw new Error('this issuer is asked about its tokens, and has no keys');
}

async function fetchKeys(
  source: Source,
  algorithms: readonly ForeignAlgorithm[],
  outbound: Pick<Outbound, 'json'>,
): Promise<KeySet> {
  const url = 'jwksUrl' in source ? source.jwksUrl : await discovered(source.issuer, outbound);
  return keySet(withAlgorithms(await outbound.json(url), algorithms));
}

/** Section 4.3: the document has to name the issuer itself, so that none answers for another. */
async function discovered(issuer: string, outbound: Pick<Outbound, 'json'>): Promise<string> {
  const document = await outbound.json(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  if (document.issuer !== issuer) throw new Error('the discovery document is that of another issuer');
  if (typeof document.jwks_uri !== 'string') throw new Error('the discovery document names no keys');
  return document.jwks_uri;
}

const KEY_TYPES: Readonly<Record<ForeignAlgorithm, (jwk: Readonly<Record<string, unknown>>) => boolean>> = {
  EdDSA: ({ kty, crv }) => kty === 'OKP' && crv === 'Ed25519',
  ES256: ({ kty, crv }) => kty === 'EC' && crv === 'P-256',
  PS256: ({ kty }) => kty === 'RSA',
  RS256: ({ kty }) => kty === 'RSA',
};

/**
 * Many issuers publish keys without `alg`. Such a key has the algorithm that the administrator allows for its type, where that is
 * one alone, and is left out else: what a token says of its algorithm never decides.
 */
function withAlgorithms(
  jwks: Readonly<Record<string, unknown>>,
  algorithms: readonly ForeignAlgorithm[],
): Readonly<Record<string, unknown>> {
  if (!Array.isArray(jwks.keys)) return jwks;
  const keys = (jwks.keys as readonly unknown[]).flatMap((jwk) => {
    if (typeof jwk !== 'object' || jwk === null || 'alg' in jwk) return [jwk];
    const [alg, second] = algorithms.filter((one) => KEY_TYPES[one](jwk as Readonly<Record<string, unknown>>));
    return alg === undefined || second !== undefined ? [] : [{ ...jwk, alg }];
  });
  return { ...jwks, keys };
}

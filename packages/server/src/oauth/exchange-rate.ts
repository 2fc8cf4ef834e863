/** How often a token is exchanged: each time is a new token, which is kept, and whoever holds one needs no authority for it. */
import type { LimitRule, Ports, TokenFacts } from '@tessera/verify';
import { OAuthError } from './oauth-error.ts';

const WINDOW_SECONDS = 60;

/** Counted for the first of its line, so that children are no way around it. Throws where that was too often. */
export async function countExchange(
  { id, parents }: TokenFacts,
  { ports, perMinute }: { readonly ports: Pick<Ports, 'limiter'>; readonly perMinute: number },
): Promise<void> {
  const rule: LimitRule = {
    key: `exchange:${parents?.at(-1) ?? id}`,
    name: 'exchanges',
    limit: perMinute,
    windowSeconds: WINDOW_SECONDS,
    burst: perMinute,
    cost: 1,
  };
  const { allowed, states } = await ports.limiter.take([rule], 1, 'spend');
  if (allowed) return;
  throw new OAuthError('temporarily_unavailable', 'the token was exchanged too often', {
    status: 429,
    headers: { 'Retry-After': String(states[0]?.retryAfterSeconds ?? WINDOW_SECONDS) },
  });
}

/** Tokens in a body are looked for as seldom as those in a header field: trying them costs the guesser, and not the store. */
import type { Credential } from '@tessera/verify';
import type { FailedCredentials } from '../core/door-ports.ts';
import { OAuthError } from './oauth-error.ts';

/** Throws where this address has presented too many that nobody was ever given. */
export function refuseGuesser(source: string, credential: Credential, failed: FailedCredentials): void {
  const wait = failed.blocked(source, credential);
  if (wait === 0) return;
  throw new OAuthError('temporarily_unavailable', 'too many unknown tokens from this address', {
    status: 429,
    headers: { 'Retry-After': String(wait) },
  });
}

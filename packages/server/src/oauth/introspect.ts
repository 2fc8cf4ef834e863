/** `POST /oauth/introspect` (RFC 7662): what a token is, for a service that it is meant for; of every other one nothing. */

import { signCompact } from '@tessera/verify/jose';
import { INTROSPECTION_SCOPE, type Served, servedBy } from '../core/introspection.ts';
import { MANAGEMENT_AUDIENCE } from '../core/tokens/facts.ts';
import { fieldOf } from '../http/sorted-fields.ts';
import { prefersSigned, SIGNED_TYPE } from './accept.ts';
import { authenticate, lacks } from './authenticate.ts';
import { unavailable } from './oauth-error.ts';
import type { Asked, OAuthAnswer, OAuthServices } from './services.ts';

/** The same bytes whatever the reason is (RFC 7662 section 2.2). */
const INACTIVE = '{"active":false}';

export async function introspect(
  { incoming, parameters, client }: Asked,
  services: OAuthServices,
): Promise<OAuthAnswer> {
  const text = parameters.required('token');
  const caller = await authenticate(client, incoming, services);
  const served = servedBy(caller);
  if (served === undefined)
    throw lacks(caller.api.audience === MANAGEMENT_AUDIENCE ? 'verify' : INTROSPECTION_SCOPE, client);
  const told = (await services.introspect(text, served)) ?? INACTIVE;
  if (!prefersSigned(fieldOf(incoming.fields, 'accept'))) return { type: 'application/json', text: told };
  return { type: SIGNED_TYPE, text: await signed(told, { caller: caller.id, served }, services) };
}

/** RFC 9701 section 5. No `sub` and no `exp` beside what is told, so that nobody takes it for a token (section 8.1). */
async function signed(
  told: string,
  { caller, served }: { readonly caller: string; readonly served: Served },
  { signers, issuer, clock }: OAuthServices,
): Promise<string> {
  const key = await signers.of(served.workspace);
  if (key === undefined) throw unavailable('no key of the workspace signs now: activate one');
  const claims = {
    iss: issuer(served.workspace),
    aud: caller,
    iat: Math.floor(clock.now() / 1000),
    token_introspection: JSON.parse(told) as unknown,
  };
  return signCompact({ typ: 'token-introspection+jwt', kid: key.kid }, claims, key);
}

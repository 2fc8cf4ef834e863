/** `POST /oauth/token` with token exchange (RFC 8693): a long-lived token for a short one, only ever narrower. */
import { actorOf } from '../core/actor.ts';
import type { Call } from '../core/call.ts';
import { confirmed } from '../core/caller.ts';
import { Refusal } from '../core/refusal.ts';
import { exchange } from '../core/tokens/exchange.ts';
import type { Minted } from '../core/tokens/mint.ts';
import { withoutSecrets } from '../core/without-secrets.ts';
import { authenticate } from './authenticate.ts';
import { countExchange } from './exchange-rate.ts';
import { OAuthError } from './oauth-error.ts';
import type { Parameters } from './parameters.ts';
import type { Asked, OAuthAnswer, OAuthServices } from './services.ts';
import { type Subject, subjectOf } from './subject.ts';

export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const FORMATS = new Map([
  [ACCESS_TOKEN, 'opaque'],
  [JWT, 'jwt'],
] as const);

export async function token(asked: Asked, services: OAuthServices): Promise<OAuthAnswer> {
  const { incoming, parameters, client } = asked;
  if (parameters.required('grant_type') !== TOKEN_EXCHANGE)
    throw new OAuthError('unsupported_grant_type', `the grant that is known here is ${TOKEN_EXCHANGE}`);
  const wished = wishedIn(parameters);
  const caller = client === undefined ? undefined : await authenticate(client, incoming, services);
  const subject = await subjectOf(parameters.required('subject_token'), incoming, services);
  const { facts, boundKey } = subject;
  if (caller !== undefined && caller.workspace.id !== facts.workspace.id)
    throw new OAuthError('unauthorized_client', 'the client is of another workspace than the token');
  for (const target of wished.targets)
    if (target !== facts.api.audience) throw new OAuthError('invalid_target', 'the token is for another audience');
  await countExchange(facts, { ports: services.ports, perMinute: services.exchangesPerMinute });
  const wish = { ...wished, boundKey, client: caller?.id };
  const { store, minting, events } = services;
  const call = callOf(subject, asked, services);
  const minted = await store
    .write(async (tx) => exchange(tx, await confirmed(tx, call), { facts, wish, minting }))
    .catch(refusedAs);
  events.minted(minted.token.kind);
  return { type: 'application/json', text: textOf(minted, { issued: wished.issued, now: call.now }) };
}

interface Wished {
  readonly issued: string;
  readonly format: 'opaque' | 'jwt';
  readonly scopes: readonly string[] | undefined;
  readonly seconds: number | undefined;
  readonly targets: readonly string[];
}

/** What can be told of the request without the token. */
function wishedIn(parameters: Parameters): Wished {
  if (!isKnownType(parameters.required('subject_token_type')))
    throw new OAuthError('invalid_request', 'subject_token_type must be that of an access token or a JWT');
  if (parameters.optional('actor_token') !== undefined || parameters.optional('actor_token_type') !== undefined)
    throw new OAuthError('invalid_request', 'nobody acts for another here: actor_token is not taken');
  const issued = parameters.optional('requested_token_type') ?? JWT;
  if (!isKnownType(issued))
    throw new OAuthError('invalid_request', 'requested_token_type must be that of an access token or a JWT');
  return {
    issued,
    format: FORMATS.get(issued) ?? 'jwt',
    scopes: scopesIn(parameters.optional('scope')),
    seconds: secondsIn(parameters.optional('expires_in')),
    targets: [...parameters.all('audience'), ...parameters.all('resource')],
  };
}

function isKnownType(type: string): type is typeof ACCESS_TOKEN | typeof JWT {
  return type === ACCESS_TOKEN || type === JWT;
}

/** RFC 6749 section 3.3; each is named once. */
function scopesIn(scope: string | undefined): readonly string[] | undefined {
  if (scope === undefined) return undefined;
  const scopes = scope.split(' ');
  if (!scopes.every((one) => /^[!#-[\]-~]+$/.test(one)) || new Set(scopes).size !== scopes.length)
    throw new OAuthError('invalid_scope', 'scope must be names with one space between them, each once');
  return scopes;
}

function secondsIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9][0-9]{0,8}$/.test(text))
    throw new OAuthError('invalid_request', 'expires_in must be whole seconds from 1');
  return Number(text);
}

function callOf({ facts }: Subject, { incoming }: Asked, { clock }: OAuthServices): Call {
  return {
    actor: actorOf(facts),
    workspace: facts.workspace.id,
    now: clock.now(),
    requestId: withoutSecrets(incoming.requestId),
    address: incoming.address ?? null,
    ifMatch: undefined,
  };
}

/** What core refuses, in the words of OAuth; RFC 8693 section 2.2.2 has `invalid_request` for all that is wrong with the token. */
function refusedAs(error: unknown): never {
  if (!(error instanceof Refusal)) throw error;
  const [first] = error.errors;
  const isScope = first?.pointer.startsWith('/scopes') === true;
  throw new OAuthError(isScope ? 'invalid_scope' : 'invalid_request', first?.detail ?? error.detail);
}

function textOf(
  { token: made, text }: Minted,
  { issued, now }: { readonly issued: string; readonly now: number },
): string {
  return JSON.stringify({
    access_token: text,
    issued_token_type: issued,
    token_type: made.boundKey === null ? 'Bearer' : 'DPoP',
    expires_in: made.expiresAt === null ? undefined : wholeSeconds(made.expiresAt) - wholeSeconds(now),
    scope: made.scopes.join(' '),
  });
}

/** As a signed token says them: what is told beside it agrees with `exp` and `iat`. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

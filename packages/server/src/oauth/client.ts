/**
 * Who calls an OAuth endpoint: a token of ours, as a bearer token (RFC 6750) or as the secret of a client (RFC 6749 section 2.3.1).
 * The client is the token: its id is the token's id.
 */
import { Buffer } from 'node:buffer';
import type { Presented } from '@tessera/verify';
import type { Incoming } from '../http/edge.ts';
import { decoded } from '../http/strict-form.ts';
import { OAuthError } from './oauth-error.ts';
import type { Parameters } from './parameters.ts';

export interface PresentedClient {
  readonly presented: Presented;
  /** `token`: by itself, in a header field. */
  readonly how: 'token' | 'basic' | 'body';
  /** Whom the secret is said to be of; undefined: a token names itself. */
  readonly id: string | undefined;
}

/** What can be a token: visible ASCII. Whatever else stands there is no secret of anybody. */
const SECRET = /^[!-~]{1,8192}$/;

/** Undefined: nobody says who calls. Throws where two ways are used at once, or one is not well formed. */
export function presentedClient({ presented }: Incoming, parameters: Parameters): PresentedClient | undefined {
  const named = parameters.optional('client_id');
  const secret = parameters.optional('client_secret');
  if (parameters.optional('client_assertion') !== undefined)
    throw new OAuthError('invalid_client', 'assertions of clients are not taken here', {
      headers: { 'WWW-Authenticate': challengesFor(undefined) },
    });
  const inField = presented.authorization.length > 0 || presented.apiKey.length > 0;
  // RFC 6749 section 2.3: no more than one way in each request.
  if (inField && secret !== undefined)
    throw new OAuthError('invalid_request', 'the client authenticates in two ways at once');
  if (secret !== undefined) {
    if (named === undefined) throw new OAuthError('invalid_request', 'client_secret comes without client_id');
    return ofSecret('body', named, secret);
  }
  if (!inField) return undefined;
  const basic = basicIn(presented);
  if (basic === undefined) return { presented, how: 'token', id: named };
  if (named !== undefined && named !== basic.id)
    throw new OAuthError('invalid_request', 'client_id names another client than the one that authenticates');
  return ofSecret('basic', basic.id, basic.secret);
}

/** How a client that was refused may authenticate, in the words of the way that it chose (RFC 6749 section 5.2). */
export function challengesFor(client: PresentedClient | undefined): readonly string[] {
  if (client?.how === 'basic') return [BASIC];
  return ['Bearer', BASIC];
}

const BASIC = 'Basic realm="Tessera", charset="UTF-8"';

function ofSecret(how: 'basic' | 'body', id: string, secret: string): PresentedClient {
  if (!SECRET.test(secret))
    throw new OAuthError('invalid_client', 'the client or its secret is not known', {
      headers: { 'WWW-Authenticate': [BASIC] },
    });
  return { presented: { authorization: [`Bearer ${secret}`], apiKey: [], query: '' }, how, id };
}

const SCHEME = /^basic(?: +|$)/i;

function basicIn({ authorization, apiKey }: Presented): { readonly id: string; readonly secret: string } | undefined {
  if (!authorization.some((value) => SCHEME.test(value))) return undefined;
  const [value = '', ...more] = authorization;
  if (more.length > 0 || apiKey.length > 0)
    throw new OAuthError('invalid_request', 'the client authenticates in two ways at once');
  const written = value.replace(SCHEME, '');
  const bytes = Buffer.from(written, 'base64');
  const text = bytes.toString('latin1');
  const colon = text.indexOf(':');
  // Both halves are written as in a form (RFC 6749 section 2.3.1).
  const id = decoded(text.slice(0, colon));
  const secret = decoded(text.slice(colon + 1));
  if (colon < 0 || bytes.toString('base64') !== written || id === undefined || secret === undefined)
    throw new OAuthError('invalid_request', 'the Authorization field is not well formed');
  return { id, secret };
}

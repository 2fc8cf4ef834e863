/** The OAuth endpoints: a token for a shorter one, what a token is, and its end, by whoever holds it. */
import type { Reply } from './call-types.ts';
import type { Settings } from './client-options.ts';
import type { Request } from './request.ts';
import { TesseraError } from './tessera-error.ts';

export interface OAuthOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether it may be sent again when it is not known whether it was carried out. Default: all but an exchange, which would make another token. */
  readonly repeatable?: boolean | undefined;
}

export interface ExchangeInput {
  /** Default: the token of this client. It authenticates by itself, and this counts as one use of it. */
  readonly subjectToken?: string | undefined;
  /** Within what the token may do now, which is the default. */
  readonly scopes?: readonly string[] | undefined;
  /** The audience of the token's api, if anything. */
  readonly audience?: string | undefined;
  /** Seconds, 3600 at most and not beyond the token's own end. Default 600, or less where something ends earlier. */
  readonly expiresIn?: number | undefined;
  /** Default `jwt`: a signed token. */
  readonly format?: 'jwt' | 'opaque' | undefined;
  /** Whether the token of this client is named as the one that asks (`client_id`); default false. It is judged as well, and must be of the same workspace. */
  readonly asClient?: boolean | undefined;
}

/** Members as RFC 8693 section 2.2.1 names them. */
export interface Exchanged {
  readonly access_token: string;
  readonly issued_token_type: string;
  readonly token_type: 'Bearer' | 'DPoP';
  /** Seconds. */
  readonly expires_in: number;
  /** Names with a space between them. */
  readonly scope: string;
}

/** Members as RFC 7662 section 2.2 names them; `tsr` is ours. */
export type Introspection = { readonly active: false } | ActiveToken;

export interface ActiveToken {
  readonly active: true;
  readonly iss?: string;
  readonly sub?: string;
  readonly aud: string;
  readonly client_id?: string;
  readonly jti: string;
  /** Seconds since 1970, as `exp` and `nbf`. */
  readonly iat?: number;
  /** Left out where it does not expire. */
  readonly exp?: number;
  readonly nbf?: number;
  readonly scope: string;
  readonly token_type: 'Bearer' | 'DPoP';
  readonly sid?: string;
  readonly cnf?: { readonly jkt: string };
  readonly tsr: {
    readonly api: string;
    readonly env: string;
    readonly kind: string;
    readonly name: string;
    readonly own?: string;
    readonly up?: readonly string[];
  };
}

/** `asClient`: this client asks as one that may end tokens (`tokens:write`), not as the holder of this one; default false. */
export interface RevokeOptions extends OAuthOptions {
  readonly asClient?: boolean | undefined;
}

/** Fails with a `TesseraError` as every call: its `code` is the `error` of the endpoint. Proofs of possession are not made here. */
export interface OAuth {
  /** A token that may do less, for a shorter time, and dies with the one that it came from (RFC 8693). */
  readonly exchange: (input?: ExchangeInput, options?: OAuthOptions) => Promise<Exchanged>;
  /** What a token is, as far as this client serves it (RFC 7662); that it is not active is an answer, not an error. */
  readonly introspect: (token: string, options?: OAuthOptions) => Promise<Introspection>;
  /** Ends a token; also succeeds where there was nothing to end (RFC 7009). */
  readonly revoke: (token: string, options?: RevokeOptions) => Promise<void>;
}

/** Sends a request as often as it may be. */
export type CarryOut = (request: Request, signal: AbortSignal | undefined) => Promise<Reply<unknown>>;

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

export function oauth(carryOut: CarryOut, settings: Settings): OAuth {
  return {
    exchange: async (input = {}, { signal, repeatable = false } = {}) => {
      const { subjectToken = settings.token, scopes, audience, expiresIn, format = 'jwt', asClient = false } = input;
      const form = {
        grant_type: TOKEN_EXCHANGE,
        subject_token: subjectToken,
        subject_token_type: ACCESS_TOKEN,
        requested_token_type: format === 'jwt' ? JWT : ACCESS_TOKEN,
        // An empty parameter counts as none (RFC 6749 section 3.2), and that would ask for every scope.
        scope: scopes === undefined ? undefined : named('scopes', scopes.join(' ')),
        audience: audience === undefined ? undefined : named('audience', audience),
        expires_in: expiresIn?.toString(),
      };
      const request = formRequest('/oauth/token', form, settings, { secret: subjectToken, asClient, repeatable });
      const { data } = await carryOut(request, signal);
      const { access_token } = members(data);
      if (typeof access_token !== 'string' || access_token === '') throw notOAuth('no token');
      return data as Exchanged;
    },
    introspect: async (token, { signal, repeatable = true } = {}) => {
      const more = { secret: token, asClient: true, repeatable };
      const { data } = await carryOut(formRequest('/oauth/introspect', { token }, settings, more), signal);
      // Whoever asks `if (active)` must not take the text `false` for a yes.
      if (typeof members(data).active !== 'boolean') throw notOAuth('no word on the token');
      return data as Introspection;
    },
    revoke: async (token, { signal, repeatable = true, asClient = false } = {}) => {
      // Sent again, a caller that has ended itself would be refused.
      const more = { secret: token, asClient: asClient && token !== settings.token, repeatable, answersNothing: true };
      await carryOut(formRequest('/oauth/revoke', { token }, settings, more), signal);
    },
  };
}

interface FormMore {
  /** The token that the form holds. */
  readonly secret: string;
  /** Whether the client says who it is. */
  readonly asClient: boolean;
  readonly repeatable: boolean;
  readonly answersNothing?: boolean;
}

/** @throws RangeError where there is no token in it */
function formRequest(
  path: string,
  form: Readonly<Record<string, string | undefined>>,
  { baseUrl, token, userAgent }: Settings,
  { secret, asClient, repeatable, answersNothing = false }: FormMore,
): Request {
  const sent = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    if (value !== undefined) sent.append(name, value);
  }
  return {
    method: 'POST',
    url: baseUrl + path,
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': userAgent,
      ...(asClient && { authorization: `Bearer ${token}` }),
    },
    body: sent.toString(),
    repeatable,
    secrets: [named('token', secret)],
    answersNothing,
  };
}

function named(what: string, value: string): string {
  if (value === '') throw new RangeError(`${what} must not be empty`);
  return value;
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function notOAuth(what: string): TesseraError {
  return new TesseraError({
    kind: 'protocol',
    title: `Something answered that is not Tessera's OAuth endpoint (${what})`,
  });
}

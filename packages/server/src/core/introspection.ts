/** What a token is, told to whom it is presented (RFC 7662 section 2.2): the same members for every kind. */
import { Buffer } from 'node:buffer';
import {
  chain,
  condition,
  credentialOf,
  type MaybePromise,
  type Ports,
  recognise,
  requirement,
  type TokenFacts,
} from '@tessera/verify';
import type { TokenContext } from './model.ts';
import type { Store } from './store-port.ts';
import { MANAGEMENT_AUDIENCE } from './tokens/facts.ts';

/** Whose tokens somebody is told of; of all others nothing, not even that they exist. */
export interface Served {
  readonly workspace: string;
  /** Id of the only api; undefined: all of the workspace. */
  readonly audience: string | undefined;
  readonly environment: TokenFacts['environment'] | undefined;
}

/** Scope that makes a token of an api one of the services behind it. A name that no api has for something else by accident. */
export const INTROSPECTION_SCOPE = 'tessera:introspect';

/**
 * Whom the holder of a token serves. A management token that may ask for verdicts: the workspace. A token of an api, with the scope
 * for it: that api and environment, for it is given to one service. Undefined: nobody.
 */
export function servedBy({ workspace, api, environment, scopes }: TokenFacts): Served | undefined {
  if (api.audience === MANAGEMENT_AUDIENCE)
    return scopes.includes('verify')
      ? { workspace: workspace.id, audience: undefined, environment: undefined }
      : undefined;
  return scopes.includes(INTROSPECTION_SCOPE) ? { workspace: workspace.id, audience: api.id, environment } : undefined;
}

export interface IntrospectionParts {
  readonly ports: Ports;
  readonly store: Pick<Store, 'find'>;
  readonly issuer: (workspace: string) => string;
}

/** Members of the answer for a token that is active; undefined: it is not, or nobody's here. Throws where that cannot be told. */
export type Introspection = (text: string, served: Served) => MaybePromise<string | undefined>;

/**
 * Looks whether a token lives, and spends nothing: no use is counted, and neither limits nor address rules are judged, which are
 * about a request. What is told of it is written once for as long as its facts are kept.
 */
export function introspection({ ports, store, issuer }: IntrospectionParts): Introspection {
  const written = new WeakMap<TokenFacts, string>();
  const tell = (facts: TokenFacts, text: string): MaybePromise<string> =>
    chain(store.find(facts.secret.key), (context) => {
      const told = JSON.stringify(membersOf({ facts, context, text, issuer: issuer(facts.workspace.id) }));
      written.set(facts, told);
      return told;
    });
  return (text, { workspace, audience, environment }) => {
    const required = requirement({ workspace, audience, environment });
    return chain(recognise(credentialOf(text), required, ports), (found): MaybePromise<string | undefined> => {
      if (typeof found === 'string' || condition(found, required, ports.clock.now()) !== undefined) return undefined;
      return written.get(found) ?? tell(found, text);
    });
  };
}

interface Told {
  readonly facts: TokenFacts;
  /** Undefined: it is another issuer's, and nothing of it is kept here. */
  readonly context: TokenContext | undefined;
  readonly text: string;
  readonly issuer: string;
}

function membersOf({ facts, context, text, issuer }: Told): Readonly<Record<string, unknown>> {
  const { id, kind, name, owner, api, environment, scopes, expiresAt, notBefore, boundKey, parents, foreign } = facts;
  const token = context?.token;
  const signed = token?.format === 'opaque' ? {} : claimsIn(text);
  return {
    active: true,
    iss: token === undefined ? foreign?.issuer : issuer,
    sub: token === undefined ? foreign?.subject : (owner?.id ?? token.client ?? id),
    aud: api.audience,
    client_id: token === undefined ? signed.client_id : (token.client ?? token.parent ?? id),
    jti: signed.jti ?? id,
    // The text, and not the token: a rotated one has several.
    iat: context === undefined ? signed.iat : seconds(context.secret.createdAt),
    exp: expiresAt === undefined ? undefined : seconds(expiresAt),
    nbf: notBefore === undefined ? undefined : Math.ceil(notBefore / 1000),
    scope: scopes.join(' '),
    token_type: boundKey === undefined ? 'Bearer' : 'DPoP',
    sid: token?.session ?? undefined,
    cnf: boundKey === undefined ? undefined : { jkt: boundKey },
    tsr: {
      api: api.id,
      env: environment,
      kind,
      name,
      own: owner?.type,
      up: parents,
    },
  };
}

/** Whole seconds, as others read them; an end is never later than it is. */
function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/** What a signed text says, which was verified when it was recognised; nothing where it is encrypted or not signed. */
function claimsIn(text: string): Readonly<Record<string, unknown>> {
  const [, payload, signature, more] = text.split('.');
  if (payload === undefined || signature === undefined || more !== undefined) return {};
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The facts of a signed token of Tessera's own from its claims, where those tell all that a verdict needs. */
import type { DigestKey } from '../../digest.ts';
import type { TokenFacts } from '../../ports.ts';
import type { Environment, OwnerType, TokenKind } from '../../verdict.ts';
import { type AccessClaims, accessClaims } from '../access-claims.ts';
import { list, object, oneOf, optional, text, truth, UnreadableFacts, whole } from '../strict-reader.ts';
import type { SignedText } from './notices.ts';

/** A text that was signed by a key of a ring, and what it says. */
export interface Claimed {
  readonly facts: TokenFacts;
  /** By what a notice may concern it. */
  readonly signed: SignedText;
}

export interface ClaimedOf {
  readonly digest: DigestKey;
  readonly kid: string;
  /** Whose key signed it. */
  readonly workspace: string;
}

/** The claim of Tessera's own. */
interface TesseraClaim {
  readonly api: string;
  readonly env: Environment;
  readonly kind: TokenKind;
  readonly name: string;
  readonly own: OwnerType | undefined;
  readonly up: readonly string[] | undefined;
  readonly ask: boolean | undefined;
  readonly seq: number | undefined;
}

const tesseraClaim = object<TesseraClaim>({
  api: text,
  env: oneOf('live', 'test'),
  kind: oneOf('api_key', 'personal_access_token', 'access_token', 'refresh_token', 'session'),
  name: text,
  own: optional(oneOf('user', 'service', 'customer')),
  up: optional(list(text)),
  ask: optional(truth),
  seq: optional(whole(0)),
});

/** Id of the token, and which text of it this is. */
const JTI = /^(tok_[0-9a-z]{26})(?:\.[1-9][0-9]{0,8})?$/;

/** Undefined where its claims do not tell all, or not so that it is understood: it is then asked for by its digest. */
export function claimedFacts(
  claims: Readonly<Record<string, unknown>>,
  { digest, kid, workspace }: ClaimedOf,
): Claimed | undefined {
  const read = accessClaims(claims);
  const tessera = tesseraClaimOf(claims.tsr);
  const id = JTI.exec(read?.jti ?? '')?.[1];
  const [audience, ...others] = read?.aud ?? [];
  if (read === undefined || tessera === undefined || id === undefined) return undefined;
  if (audience === undefined || others.length > 0 || tessera.ask === true) return undefined;
  const session = claims.sid;
  if (session !== undefined && typeof session !== 'string') return undefined;
  const { api, env, kind, name, own, up = [], seq = 0 } = tessera;
  const client = clientOf(read, id, up);
  const facts: TokenFacts = {
    id,
    kind,
    name,
    workspace: { id: workspace, enabled: true },
    owner: own && { id: read.sub, type: own, roles: [], enabled: true },
    api: { id: api, audience },
    environment: env,
    scopes: read.scopes,
    secret: { key: digest, state: 'active', until: undefined },
    enabled: true,
    revokedAt: undefined,
    notBefore: read.nbf === undefined ? undefined : read.nbf * 1000,
    expiresAt: read.exp * 1000,
    limits: [],
    quotas: [],
    addresses: [],
    boundKey: read.boundKey,
    kid,
    ...(client !== undefined && { client }),
    ...(session !== undefined && { session }),
    ...(up.length > 0 && { parents: up }),
  };
  return {
    facts,
    signed: {
      workspace,
      tokens: [id, ...up],
      owner: own && read.sub,
      api,
      client,
      session,
      key: kid,
      seq,
      issuedAt: read.iat,
      expiresAt: read.exp,
    },
  };
}

function tesseraClaimOf(claim: unknown): TesseraClaim | undefined {
  try {
    return tesseraClaim(claim, '/tsr');
  } catch (error) {
    if (error instanceof UnreadableFacts) return undefined;
    throw error;
  }
}

/** Where no client was named, the token stands for itself or for its parent. */
function clientOf({ clientId }: AccessClaims, id: string, up: readonly string[]): string | undefined {
  return clientId === id || clientId === up[0] ? undefined : clientId;
}

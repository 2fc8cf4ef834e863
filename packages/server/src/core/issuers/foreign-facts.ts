/** From what another issuer says of a token to what a verdict needs: owner, scopes and limits are ours, and live. */
import { type DenialCode, type DigestKey, digestBytes, type TokenFacts } from '@tessera/verify';
import { derivedId } from '../ids.ts';
import type { Owner, Token, TokenContext } from '../model.ts';
import type { Reader } from '../store-port.ts';
import { factsOf } from '../tokens/facts.ts';
import { claimAt, type ForeignClaims, holdsClaims, textsAt } from './claims.ts';
import { FOREIGN_SKEW_MS, type ForeignRevocation, type Issuer, type OwnerRule, type ScopeRule } from './issuer.ts';
import type { Trust } from './trusted-issuers.ts';

export type ForeignReader = Pick<
  Reader,
  'workspace' | 'owner' | 'ownersByMetadata' | 'rolesByIds' | 'foreignRevocations'
>;

/** An answer to introspection may leave out when the token was issued and when it ends; a signed token may not. */
export interface Presented {
  readonly claims: ForeignClaims;
  readonly digest: DigestKey;
  readonly now: number;
}

/** The facts of a token whose signature or state was proved, or why this trust does not take it. */
export async function foreignFacts(
  { issuer, api }: Trust,
  { claims, digest, now }: Presented,
  reader: ForeignReader,
): Promise<TokenFacts | DenialCode> {
  const { rules, workspace: workspaceId } = issuer;
  if (rules.audience !== null && !claims.aud.includes(rules.audience)) return 'wrong_audience';
  if (!holdsClaims(claims, rules.requiredClaims)) return 'unknown';
  const workspace = await reader.workspace(workspaceId);
  if (workspace === undefined) return 'unknown';
  const owner = await ownerOf(rules.owner, { issuer, claims, reader });
  if (typeof owner === 'string') return owner;
  const subject = claims.sub ?? '';
  const revoked = await revocationOf({ issuer, claims, subject, reader });
  const token = tokenOf({ issuer, api }, { claims, digest, now });
  const context: TokenContext = {
    token: { ...token, owner: owner?.id ?? null, revokedAt: revoked?.at ?? null },
    secret: secretOf(token, digest),
    api,
    workspace,
    ancestors: [],
    owner,
    roles: owner === null ? [] : await reader.rolesByIds(workspaceId, owner.roles),
  };
  return {
    ...factsOf(context),
    clockSkewMs: FOREIGN_SKEW_MS,
    foreign: { trust: issuer.id, issuer: issuer.issuer, subject },
  };
}

/** All that apply, together. What the api does not define is dropped where facts are made. */
export function scopesOf(claims: ForeignClaims, rules: readonly ScopeRule[]): readonly string[] {
  const granted = rules.flatMap((rule): readonly string[] => {
    if ('scopes' in rule) return rule.when === undefined || holdsClaims(claims, rule.when) ? rule.scopes : [];
    const texts = textsAt(claims, rule.claim);
    if ('map' in rule) return texts.flatMap((text) => (Object.hasOwn(rule.map, text) ? (rule.map[text] ?? []) : []));
    return texts.filter((text) => text.startsWith(rule.prefix)).map((text) => text.slice(rule.prefix.length));
  });
  return [...new Set(granted)].filter((scope) => SCOPE.test(scope));
}

/** Characters of a scope (RFC 6749 section 3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/;

interface Asked {
  readonly issuer: Issuer;
  readonly claims: ForeignClaims;
  readonly reader: ForeignReader;
}

async function ownerOf(rule: OwnerRule | null, { issuer, claims, reader }: Asked): Promise<Owner | null | DenialCode> {
  const { workspace } = issuer;
  if (rule === null) return null;
  // One that was deleted is as good as disabled: it was named, and its tokens are not nobody's.
  if ('id' in rule) return (await reader.owner(workspace, rule.id)) ?? 'owner_disabled';
  const value = claimAt(claims.all, rule.claim);
  if (typeof value !== 'string' || value === '') return 'unknown';
  if (rule.metadata === undefined) return (await reader.owner(workspace, value)) ?? 'unknown';
  const [owner, second] = await reader.ownersByMetadata(workspace, rule.metadata, value);
  // Of two owners with the same value nobody can tell which is meant.
  return owner === undefined || second !== undefined ? 'unknown' : owner;
}

async function revocationOf(asked: Asked & { readonly subject: string }): Promise<ForeignRevocation | undefined> {
  const { issuer, claims, subject, reader } = asked;
  const { jti, iat } = claims;
  const all = await reader.foreignRevocations(issuer.workspace, { issuer: issuer.issuer, jti, sub: subject });
  // A token that does not say when it was issued may have been issued before anything.
  return all.find(({ issuedBefore }) => issuedBefore === null || iat === undefined || iat * 1000 < issuedBefore);
}

function tokenOf({ issuer, api }: Trust, { claims, digest, now }: Presented): Token {
  const { sub = '', jti, exp, iat, nbf } = claims;
  const { rules, workspace } = issuer;
  const issued = iat === undefined ? now : iat * 1000;
  const longest = issued + rules.maxLifetimeSeconds * 1000;
  return {
    // Texts of one token are one token; another issuer's `jti` is another one.
    id: derivedId([workspace, issuer.issuer, jti ?? null, jti === undefined ? digest : null]),
    workspace,
    kind: 'access_token',
    name: sub === '' ? issuer.name : sub,
    owner: null,
    api: api.id,
    environment: 'live',
    scopes: scopesOf(claims, rules.scopes),
    limits: [],
    quota: null,
    credits: null,
    ip: {},
    metadata: {},
    boundKey: claims.boundKey ?? null,
    format: 'jwt',
    parent: null,
    client: null,
    session: null,
    enabled: true,
    createdBy: issuer.id,
    // A token cannot have been used before it was made.
    notBefore: iat === undefined && nbf === undefined ? null : Math.max(iat ?? 0, nbf ?? 0) * 1000,
    expiresAt: exp === undefined ? longest : Math.min(exp * 1000, longest),
    revokedAt: null,
    revokedReason: null,
    lastUsedAt: null,
    createdAt: issued,
    updatedAt: issued,
    version: 1,
  };
}

function secretOf({ id, createdAt }: Token, digest: DigestKey): TokenContext['secret'] {
  return {
    digest: digestBytes(digest),
    algorithm: 'sha256',
    token: id,
    fingerprint: null,
    hint: '',
    state: 'active',
    createdAt,
    validUntil: null,
    graceSeconds: null,
    lastUsedAt: null,
  };
}

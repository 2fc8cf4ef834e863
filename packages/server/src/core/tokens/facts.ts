/** From what the store keeps to what a verdict needs. */
import { expandManagementScopes, limitName } from '@tessera/contract';
import {
  addressRuleOnUse,
  type BudgetRule,
  digestKeyOf,
  type LimitRule,
  type ListedAddresses,
  type QuotaRule,
  type TokenFacts,
} from '@tessera/verify';
import type { Api, Limit, Quota, Role, Token, TokenContext } from '../model.ts';

/** Audience of the built-in api whose tokens call the management API. */
export const MANAGEMENT_AUDIENCE = 'tessera';

export function factsOf(context: TokenContext): TokenFacts {
  const { token, api, owner, roles, secret, workspace, ancestors } = context;
  const key = digestKeyOf(secret.digest);
  const line = [token, ...ancestors];
  const { enforced, tried } = countingOf(line, owner?.quota ?? null);
  return {
    id: token.id,
    kind: token.kind,
    name: token.name,
    workspace: { id: workspace.id, enabled: workspace.enabled && workspace.deletedAt === null },
    owner:
      owner === null
        ? undefined
        : {
            id: owner.id,
            type: owner.type,
            roles: roles.map((role) => role.name),
            enabled: owner.enabled && owner.deletedAt === null,
          },
    api: { id: api.id, audience: api.audience },
    environment: token.environment,
    scopes: effectiveScopes(context),
    // A retired secret is to the decision one whose grace is over: by its state, because the clock of the node that ended it may be ahead of ours.
    secret:
      secret.state === 'active' || secret.state === 'pending'
        ? { key, state: secret.state, until: undefined }
        : { key, state: 'retiring', until: secret.state === 'retiring' ? (secret.validUntil ?? 0) : 0 },
    // A token is no more than those that it descends from: it ends, rests and begins with them.
    enabled: line.every(({ enabled }) => enabled),
    revokedAt: least(line.map(({ revokedAt }) => revokedAt)),
    notBefore: greatest(line.map(({ notBefore }) => notBefore)),
    expiresAt: least(line.map(({ expiresAt }) => expiresAt)),
    ...enforced,
    ...(tried.limits.length + tried.quotas.length > 0 && { shadow: tried }),
    addresses: [
      ...line.flatMap(({ id, ip }) => ruleOf(id === token.id ? 'token' : `token ${id}`, ip)),
      ...roles.flatMap((role) => ruleOf(`role ${role.name}`, role.ip)),
    ],
    boundKey: token.boundKey ?? undefined,
    ...(ancestors.length > 0 && { parents: ancestors.map(({ id }) => id) }),
    ...(token.client !== null && { client: token.client }),
    ...(token.session !== null && { session: token.session }),
    ...(secret.signedWith !== undefined && { kid: secret.signedWith }),
  };
}

function least(times: readonly (number | null)[]): number | undefined {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? undefined : Math.min(...known);
}

function greatest(times: readonly (number | null)[]): number | undefined {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? undefined : Math.max(...known);
}

/**
 * What the token may do now. A scope that its api no longer defines is gone; a personal access token never reaches
 * further than its user's roles do today, and no token further than those that it descends from.
 */
function effectiveScopes({ token, api, roles, ancestors }: TokenContext): readonly string[] {
  const own = scopesOf(token, api, roles);
  if (ancestors.length === 0) return own;
  const above = ancestors.map((ancestor) => new Set(scopesOf(ancestor, api, roles)));
  return own.filter((scope) => above.every((held) => held.has(scope)));
}

function scopesOf(token: Token, api: Api, roles: readonly Role[]): readonly string[] {
  const defined = token.scopes.filter((scope) => definesScope(api, scope) || (api.builtIn && scope === 'root'));
  if (token.kind === 'personal_access_token') {
    const held = new Set(roles.flatMap((role) => role.scopes));
    return granted(
      api,
      defined.filter((scope) => held.has(scope)),
    );
  }
  return granted(api, defined);
}

function granted(api: Api, scopes: readonly string[]): readonly string[] {
  return api.builtIn && api.audience === MANAGEMENT_AUDIENCE ? expandManagementScopes(scopes) : scopes;
}

export function definesScope(api: Api, scope: string): boolean {
  return api.scopes === 'any' || Object.hasOwn(api.scopes, scope);
}

/** Limits with names, defaults and the keys of their counters. */
export function limitRules(limits: readonly Limit[], subject: string): readonly LimitRule[] {
  return limits.map((limit) => ({
    key: `${subject}:${limitName(limit)}`,
    name: limitName(limit),
    limit: limit.limit,
    windowSeconds: limit.window,
    burst: limit.burst ?? limit.limit,
    cost: limit.cost ?? 1,
    ...(limit.mode === 'approximate' && { mode: limit.mode }),
    ...(limit.onFault && { onFault: limit.onFault }),
  }));
}

type Counted = Pick<TokenFacts, 'limits' | 'quotas'>;

/** What counts the token's requests, and with them those that it descends from; what is in shadow mode apart from the rest. */
function countingOf(
  line: readonly Token[],
  ownerQuota: Quota | null,
): { readonly enforced: Counted; readonly tried: Counted } {
  const isTried = ({ mode }: Limit | Quota): boolean => mode === 'shadow';
  const limits = (tried: boolean) =>
    line.flatMap(({ id, limits: all }, depth) =>
      limitRules(
        all.filter((limit) => isTried(limit) === tried),
        `token:${id}`,
      ).map((rule) => ({ ...rule, name: above(depth) + rule.name })),
    );
  const quotas: (readonly [Quota, QuotaRule])[] = [];
  for (const [depth, { id, quota }] of line.entries())
    if (quota !== null) quotas.push([quota, quotaRule(quota, { key: `token:${id}`, name: `${above(depth)}quota` })]);
  const owner = line[0]?.owner ?? null;
  if (ownerQuota !== null && owner !== null)
    quotas.push([ownerQuota, quotaRule(ownerQuota, { key: `owner:${owner}`, name: 'owner-quota' })]);
  const those = (tried: boolean): BudgetRule[] =>
    quotas.filter(([quota]) => isTried(quota) === tried).map(([, rule]) => rule);
  return {
    enforced: { limits: limits(false), quotas: [...those(false), ...line.flatMap(creditRules)] },
    tried: { limits: limits(true), quotas: those(true) },
  };
}

/** Names of what counts for a token that stands above: its own and those of its children are told in one list. */
function above(depth: number): string {
  return 'parent-'.repeat(depth);
}

function quotaRule({ limit, period, onFault }: Quota, { key, name }: { key: string; name: string }): QuotaRule {
  return { key, name: `${name}-${period}`, limit, period, ...(onFault && { onFault }) };
}

function creditRules({ id, credits }: Token, depth: number): readonly BudgetRule[] {
  if (credits === null) return [];
  return [{ kind: 'credits', key: id, name: `${above(depth)}credits`, refill: credits.refill ?? undefined }];
}

function ruleOf(label: string, lists: Token['ip']): ListedAddresses[] {
  const empty = (lists.allow?.length ?? 0) === 0 && (lists.deny?.length ?? 0) === 0;
  return empty ? [] : [addressRuleOnUse(label, lists)];
}

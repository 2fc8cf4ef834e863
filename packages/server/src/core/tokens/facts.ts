/** From what the store keeps to what a verdict needs. */
import { expandManagementScopes, limitName } from '@tessera/contract';
import {
  addressRule,
  type BudgetRule,
  digestKeyOf,
  type LimitRule,
  type QuotaRule,
  type TokenFacts,
} from '@tessera/verify';
import type { Api, Limit, Quota, Token, TokenContext } from '../model.ts';

/** Audience of the built-in api whose tokens call the management API. */
export const MANAGEMENT_AUDIENCE = 'tessera';

export function factsOf(context: TokenContext): TokenFacts {
  const { token, api, owner, roles, secret, workspace } = context;
  const key = digestKeyOf(secret.digest);
  const { enforced, tried } = countingOf(token, owner?.quota ?? null);
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
    enabled: token.enabled,
    revokedAt: token.revokedAt ?? undefined,
    notBefore: token.notBefore ?? undefined,
    expiresAt: token.expiresAt ?? undefined,
    ...enforced,
    ...(tried.limits.length + tried.quotas.length > 0 && { shadow: tried }),
    addresses: [...ruleOf('token', token.ip), ...roles.flatMap((role) => ruleOf(`role ${role.name}`, role.ip))],
    boundKey: token.boundKey ?? undefined,
  };
}

/**
 * What the token may do now. A scope that its api no longer defines is gone; a personal access token never reaches
 * further than its user's roles do today.
 */
function effectiveScopes({ token, api, roles }: TokenContext): readonly string[] {
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

/** What counts the token's requests; what is in shadow mode apart from the rest. */
function countingOf(token: Token, ownerQuota: Quota | null): { readonly enforced: Counted; readonly tried: Counted } {
  const isTried = ({ mode }: Limit | Quota): boolean => mode === 'shadow';
  const limits = (tried: boolean) => token.limits.filter((limit) => isTried(limit) === tried);
  const quotas: (readonly [Quota, QuotaRule])[] = [];
  if (token.quota !== null)
    quotas.push([token.quota, quotaRule(token.quota, { key: `token:${token.id}`, name: 'quota' })]);
  if (ownerQuota !== null && token.owner !== null)
    quotas.push([ownerQuota, quotaRule(ownerQuota, { key: `owner:${token.owner}`, name: 'owner-quota' })]);
  const those = (tried: boolean): BudgetRule[] =>
    quotas.filter(([quota]) => isTried(quota) === tried).map(([, rule]) => rule);
  const subject = `token:${token.id}`;
  return {
    enforced: { limits: limitRules(limits(false), subject), quotas: [...those(false), ...creditRules(token)] },
    tried: { limits: limitRules(limits(true), subject), quotas: those(true) },
  };
}

function quotaRule({ limit, period, onFault }: Quota, { key, name }: { key: string; name: string }): QuotaRule {
  return { key, name: `${name}-${period}`, limit, period, ...(onFault && { onFault }) };
}

function creditRules({ id, credits }: Token): readonly BudgetRule[] {
  return credits === null ? [] : [{ kind: 'credits', key: id, name: 'credits', refill: credits.refill ?? undefined }];
}

function ruleOf(label: string, lists: Token['ip']): ReturnType<typeof addressRule>[] {
  const empty = (lists.allow?.length ?? 0) === 0 && (lists.deny?.length ?? 0) === 0;
  return empty ? [] : [addressRule(label, lists)];
}

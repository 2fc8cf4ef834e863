/** How tokens are shown: in a list, one by one, and with their secret on the one occasion there is. */
import type { Output } from '@tessera/contract';
import type { Answer } from '../output/answer.ts';
import { type Resource, showOne } from './resource.ts';

export type Token = Output<'tokens.get'>;
export type Minted = Output<'tokens.create'>;

export const tokenResource: Resource<Token> = {
  noun: 'token',
  columns: [
    ['id', ({ id }) => id],
    ['name', ({ name }) => name],
    ['status', ({ status }) => status],
    ['owner', ({ owner }) => owner],
    ['env', ({ env }) => env],
    ['hint', ({ hint }) => hint],
    ['expires', ({ expiresAt }) => expiresAt ?? 'never'],
    ['last used', ({ lastUsedAt }) => lastUsedAt ?? 'never'],
  ],
  fields: [
    ['id', ({ id }) => id],
    ['name', ({ name }) => name],
    ['status', ({ status }) => status],
    ['kind', ({ kind }) => kind],
    ['owner', ({ owner }) => owner],
    ['api', ({ api }) => api],
    ['environment', ({ env }) => env],
    ['scopes', ({ scopes }) => scopes],
    ['limits', ({ limits }) => limits.map(limitText)],
    ['quota', ({ quota }) => (quota === null ? null : `${quota.limit}/${quota.period}`)],
    ['credits', ({ credits }) => (credits === null ? null : creditsText(credits))],
    ['allow', ({ ip }) => ip.allow],
    ['deny', ({ ip }) => ip.deny],
    ['metadata', ({ metadata }) => Object.entries(metadata).map(([key, value]) => `${key}=${value}`)],
    ['bound to key', ({ boundKey }) => boundKey ?? undefined],
    ['hint', ({ hint }) => hint],
    ['fingerprint', ({ fingerprint }) => fingerprint],
    ['secrets', ({ secrets }) => (secrets.length < 2 ? undefined : secrets.map(secretText))],
    ['created', ({ createdAt }) => createdAt],
    ['not before', ({ notBefore }) => notBefore ?? undefined],
    ['expires', ({ expiresAt }) => expiresAt ?? 'never'],
    ['last used', ({ lastUsedAt }) => lastUsedAt ?? 'never'],
    ['revoked', ({ revokedAt }) => revokedAt ?? undefined],
    ['reason', ({ revokedReason }) => revokedReason ?? undefined],
  ],
};

/** The secret first; with `--quiet` it alone, for `KEY=$(...)`. */
export function showSecret(minted: Minted): Answer {
  const shown = showOne(tokenResource, minted);
  const fields = shown.view.kind === 'fields' ? shown.view.fields : [];
  return {
    ...shown,
    view: { kind: 'fields', fields: [['token', minted.token], ...fields] },
    quiet: [minted.token],
    // Not TESSERA_TOKEN: that is the management token, and a service must not be taken for an administrator.
    env: { TESSERA_KEY: minted.token, TESSERA_KEY_ID: minted.id, TESSERA_KEY_EXPIRES_AT: minted.expiresAt },
    notes: ['Keep the token now: it will not be shown again.'],
  };
}

function creditsText({ remaining, refill }: NonNullable<Token['credits']>): string {
  return refill === null
    ? `${remaining} left`
    : `${remaining} left, refilled to ${refill.amount} each ${refill.period}`;
}

function limitText({ name, limit, window, burst }: Token['limits'][number]): string {
  return `${name === undefined ? '' : `${name}=`}${limit}/${window}s${burst === undefined ? '' : `,burst=${burst}`}`;
}

function secretText({ hint, state, validUntil }: Token['secrets'][number]): string {
  return validUntil === null ? `${hint}(${state})` : `${hint}(${state} until ${validUntil})`;
}

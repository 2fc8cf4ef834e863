/** Tokens: mint, find, change, rotate, revoke. The secret is in one answer and nowhere afterwards. */
import { z } from 'zod';
import { operation } from './operation.ts';
import {
  addressLists,
  anyTokenKind,
  apiId,
  credits,
  creditsChange,
  creditsInput,
  cursorQuery,
  duration,
  environment,
  futureTimestamp,
  idParams,
  limit,
  limits,
  metadata,
  name,
  ownerId,
  page,
  quota,
  reason,
  scopes,
  timestamp,
  tokenId,
  tokenKind,
} from './schemas.ts';

const status = z
  .enum(['active', 'disabled', 'expired', 'revoked', 'not_yet_valid'])
  .meta({ description: 'The token’s own state; its owner or workspace may be disabled besides' });

const secret = z
  .strictObject({
    fingerprint: z.string().nullable().meta({
      description: 'Names the secret in logs without revealing it; null: imported with a digest other than SHA-256',
    }),
    hint: z.string().meta({ description: 'Start and last four characters' }),
    state: z.enum(['active', 'pending', 'retiring', 'retired']),
    createdAt: timestamp,
    validUntil: timestamp.nullable().meta({ description: 'End of the grace period of a secret that was replaced' }),
    lastUsedAt: timestamp.nullable().meta({ description: 'To the minute' }),
  })
  .meta({ id: 'Secret' });

export const token = z
  .strictObject({
    id: tokenId,
    kind: anyTokenKind,
    name,
    owner: ownerId.nullable(),
    api: apiId,
    env: environment,
    scopes,
    limits: z.array(limit),
    quota: quota.nullable(),
    credits: credits.nullable(),
    ip: addressLists,
    metadata,
    boundKey: z.string().nullable(),
    format: z.enum(['opaque', 'jwt']),
    parent: z.string().nullable().meta({ description: 'Id of the token that it descends from, and dies with' }),
    client: z.string().nullable(),
    session: z.string().nullable(),
    status,
    enabled: z.boolean(),
    hint: z.string(),
    fingerprint: z.string().nullable(),
    secrets: z.array(secret).meta({ description: 'Newest first; more than one while the token is rotated' }),
    createdAt: timestamp,
    createdBy: z.string().meta({ description: 'Id of the token that minted it' }),
    updatedAt: timestamp,
    notBefore: timestamp.nullable(),
    expiresAt: timestamp.nullable().meta({ description: 'null: does not expire' }),
    revokedAt: timestamp.nullable(),
    revokedReason: z.string().nullable(),
    lastUsedAt: timestamp.nullable().meta({ description: 'Written at most once a minute' }),
  })
  .meta({ id: 'Token' });

export const minted = token
  .extend({ token: z.string().meta({ description: 'The secret. This answer is the only one that holds it' }) })
  .meta({ id: 'MintedToken' });

const common = {
  api: z.string().min(1).max(500).optional().meta({ description: 'Id or audience; default: the default api' }),
  owner: ownerId.optional(),
  name,
  kind: tokenKind.optional().meta({
    description: 'Default `api_key`. A `personal_access_token` needs an owner of type `user` and has an expiry',
  }),
  scopes,
  limits: limits.optional(),
  quota: quota.optional(),
  credits: creditsInput.optional(),
  ip: addressLists.optional(),
  metadata: metadata.optional(),
  notBefore: futureTimestamp.optional(),
  expiresIn: z
    .union([duration, z.literal('never')])
    .optional()
    .meta({ description: 'Seconds, a duration, or `never` where policy allows it; default 90 days' }),
  expiresAt: futureTimestamp.optional().meta({ description: 'Instead of `expiresIn`' }),
};

const label = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 printable ASCII characters without spaces');

const mintInput = z
  .strictObject({
    ...common,
    env: environment.optional().meta({ description: 'Default `live`' }),
    format: z.enum(['opaque', 'jwt']).optional().meta({
      description:
        'Default `opaque`. `jwt`: a signed access token (RFC 9068), as the api’s `jwt` says, that expires after ten minutes where nothing else is asked',
    }),
    parent: tokenId.optional().meta({
      description:
        'Token that it descends from: api, owner, environment and bound key are those of the parent, scopes and expiry within, its addresses, limits, quotas and credits hold besides, and it dies with it',
    }),
    client: label.optional().meta({ description: 'Application that it is issued to; `client_id` of a signed token' }),
    session: label.optional().meta({ description: 'Session that it belongs to; `sid` of a signed token' }),
    boundKey: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, 'must be a SHA-256 JWK thumbprint (RFC 7638)')
      .optional()
      .meta({ description: 'Thumbprint of the key whose possession each use must prove (DPoP, RFC 9449)' }),
  })
  .refine((value) => value.expiresIn === undefined || value.expiresAt === undefined, {
    path: ['expiresAt'],
    message: 'must not be given together with expiresIn',
  })
  .meta({ id: 'MintInput' });

const importItem = z
  .strictObject({
    ...common,
    env: environment.optional(),
    digest: z.string().min(43).max(128).meta({ description: 'Of the whole token text, in hex or base64' }),
    algorithm: z.enum(['sha256', 'sha512']),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{1,31}$/, 'must be 2 to 32 of letters, digits, _ . -')
      .meta({
        description: 'What the token texts start with, so that only such texts are looked up',
        examples: ['sk_live_'],
      }),
    lastFour: z
      .string()
      .regex(/^[\x21-\x7e]{4}$/)
      .optional(),
  })
  .refine((value) => value.expiresIn === undefined || value.expiresAt === undefined, {
    path: ['expiresAt'],
    message: 'must not be given together with expiresIn',
  });

const tag = 'tokens';

export const tokenOperations = {
  'tokens.create': operation({
    method: 'POST',
    path: '/v1/tokens',
    tag,
    summary: 'Mint a token',
    scope: 'tokens:write',
    body: mintInput,
    status: 201,
    output: minted,
    changes: true,
    secret: true,
    etag: true,
    problems: ['forbidden'],
  }),
  'tokens.createBatch': operation({
    method: 'POST',
    path: '/v1/tokens/batch',
    tag,
    summary: 'Mint up to 100 tokens, all or none',
    scope: 'tokens:write',
    body: z.strictObject({ items: z.array(mintInput).min(1).max(100) }),
    status: 201,
    output: z.strictObject({ items: z.array(minted) }),
    changes: true,
    secret: true,
    problems: ['forbidden'],
  }),
  'tokens.import': operation({
    method: 'POST',
    path: '/v1/tokens/import',
    tag,
    summary: 'Take over up to 100 tokens of another system by their digests, all or none',
    scope: 'tokens:write',
    body: z.strictObject({ items: z.array(importItem).min(1).max(100) }),
    status: 201,
    output: z.strictObject({ items: z.array(token) }),
    changes: true,
    problems: ['forbidden', 'conflict'],
  }),
  'tokens.list': operation({
    method: 'GET',
    path: '/v1/tokens',
    tag,
    summary: 'List tokens, newest first',
    scope: 'tokens:read',
    query: z.strictObject({
      ...cursorQuery,
      owner: z.string().min(1).max(100).optional(),
      api: z.string().min(1).max(500).optional().meta({ description: 'Id or audience' }),
      parent: z
        .string()
        .min(1)
        .max(100)
        .optional()
        .meta({ description: 'Id of a token: those that descend directly from it' }),
      status: status.optional(),
      q: z
        .string()
        .min(1)
        .max(200)
        .optional()
        .meta({ description: 'Part of the name, or a whole id, fingerprint or last four characters' }),
    }),
    status: 200,
    output: page(token),
    changes: false,
    problems: [],
  }),
  'tokens.get': operation({
    method: 'GET',
    path: '/v1/tokens/{id}',
    tag,
    summary: 'Get a token',
    scope: 'tokens:read',
    params: idParams,
    status: 200,
    output: token,
    changes: false,
    etag: true,
    problems: ['not_found'],
  }),
  'tokens.update': operation({
    method: 'PATCH',
    path: '/v1/tokens/{id}',
    tag,
    summary: 'Change, disable or enable a token',
    scope: 'tokens:write',
    params: idParams,
    body: z.strictObject({
      name: name.optional(),
      scopes: scopes.optional(),
      limits: limits.optional(),
      quota: quota.nullable().optional(),
      credits: creditsChange.nullable().optional(),
      ip: addressLists.optional(),
      expiresAt: futureTimestamp.nullable().optional(),
      enabled: z.boolean().optional(),
      metadata: metadata.optional(),
    }),
    status: 200,
    output: token,
    changes: true,
    etag: true,
    problems: ['not_found', 'forbidden', 'conflict', 'precondition_failed'],
  }),
  'tokens.rotate': operation({
    method: 'POST',
    path: '/v1/tokens/{id}/rotate',
    tag,
    summary: 'Give a token a new secret; the old one stays valid for the grace period',
    description: 'With `activate: first-use` the grace period starts when the new secret is first used.',
    scope: 'tokens:write',
    params: idParams,
    body: z.strictObject({
      graceSeconds: z.int().min(0).max(31_536_000).optional().meta({ description: 'Default 86400' }),
      activate: z.enum(['now', 'first-use']).optional().meta({ description: 'Default `now`' }),
    }),
    bodyOptional: true,
    status: 201,
    output: minted,
    changes: true,
    secret: true,
    etag: true,
    problems: ['not_found', 'forbidden', 'conflict', 'precondition_failed'],
  }),
  'tokens.cancelRotation': operation({
    method: 'POST',
    path: '/v1/tokens/{id}/rotate/cancel',
    tag,
    summary: 'Undo a rotation while its grace period runs',
    description: 'The old secret is the token’s secret again; the new one is refused from now on.',
    scope: 'tokens:write',
    params: idParams,
    body: empty(),
    bodyOptional: true,
    status: 200,
    output: token,
    changes: true,
    etag: true,
    problems: ['not_found', 'forbidden', 'conflict', 'precondition_failed'],
  }),
  'tokens.revoke': operation({
    method: 'POST',
    path: '/v1/tokens/{id}/revoke',
    tag,
    summary: 'Revoke a token, for good',
    description: 'Revoking a revoked token changes nothing and succeeds.',
    scope: 'tokens:write',
    params: idParams,
    body: z.strictObject({ reason: reason.optional() }),
    bodyOptional: true,
    status: 200,
    output: token,
    changes: true,
    etag: true,
    problems: ['not_found', 'forbidden', 'precondition_failed'],
  }),
  'tokens.usage': operation({
    method: 'GET',
    path: '/v1/tokens/{id}/usage',
    tag,
    summary: 'How often a token was used, hour by hour',
    scope: 'tokens:read',
    params: idParams,
    query: z.strictObject({ from: timestamp.optional(), to: timestamp.optional() }),
    status: 200,
    output: z.strictObject({
      items: z.array(z.strictObject({ hour: timestamp, allowed: z.int(), denied: z.int() })),
      allowed: z.int(),
      denied: z.int(),
    }),
    changes: false,
    problems: ['not_found'],
  }),
} as const;

function empty(): z.ZodObject<Record<never, never>> {
  return z.strictObject({});
}

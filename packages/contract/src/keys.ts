/** The key ring of a workspace: what signs its tokens, and what they are encrypted with. */
import { z } from 'zod';
import { operation } from './operation.ts';
import { cursorQuery, empty, idParams, keyId, page, timestamp } from './schemas.ts';

const algorithm = z
  .enum(['EdDSA', 'ES256', 'PS256', 'RS256', 'HS256', 'ML-DSA-65', 'ECDH-ES+A256KW', 'A256GCM'])
  .meta({ description: 'The one algorithm of the key (RFC 7518, RFC 8037, RFC 9964)' });

const state = z.enum(['next', 'active', 'retired', 'gone']).meta({
  description:
    '`next`: published, signs nothing yet; `active`: signs; `retired`: verifies what it signed; `gone`: verifies nothing, and is kept as a record',
});

export const key = z
  .strictObject({
    id: keyId.meta({ description: 'Also the `kid` of what it signs' }),
    alg: algorithm,
    use: z.enum(['sig', 'enc']),
    state,
    origin: z.enum(['generated', 'imported']),
    publicJwk: z
      .record(z.string(), z.string())
      .nullable()
      .meta({ description: 'The public half (RFC 7517); null: the key is symmetric, or gone' }),
    createdAt: timestamp,
    activatedAt: timestamp.nullable(),
    retiredAt: timestamp.nullable(),
    neededUntil: timestamp.nullable().meta({ description: 'When the last of what it signed expires' }),
  })
  .meta({ id: 'Key' });

const tag = 'keys';

export const keyOperations = {
  'keys.list': operation({
    method: 'GET',
    path: '/v1/keys',
    tag,
    summary: 'List keys, newest first',
    scope: 'keys:read',
    query: z.strictObject(cursorQuery),
    status: 200,
    output: page(key),
    changes: false,
    problems: [],
  }),
  'keys.create': operation({
    method: 'POST',
    path: '/v1/keys',
    tag,
    summary: 'Make or import a key',
    description: 'Of each algorithm there is at most one `next` and one `active` key. Private halves are never shown.',
    scope: 'keys:write',
    body: z.strictObject({
      alg: algorithm,
      state: z.enum(['next', 'active']).optional().meta({ description: 'Default `next`' }),
      jwk: z
        .record(z.string().max(16), z.union([z.string().max(10_000), z.array(z.string().max(20)).max(10)]))
        .optional()
        .meta({ description: 'A private or symmetric key to take over (RFC 7517). Absent: one is drawn' }),
    }),
    status: 201,
    output: key,
    changes: true,
    etag: true,
    problems: ['conflict'],
  }),
  'keys.get': operation({
    method: 'GET',
    path: '/v1/keys/{id}',
    tag,
    summary: 'Get a key',
    scope: 'keys:read',
    params: idParams,
    status: 200,
    output: key,
    changes: false,
    etag: true,
    problems: ['not_found'],
  }),
  'keys.rotate': operation({
    method: 'POST',
    path: '/v1/keys/rotate',
    tag,
    summary: 'Sign with the next key from now on',
    description:
      'The `next` key becomes `active`, the active one `retired`, and a new `next` one is drawn and published. What the retired one signed holds until it expires.',
    scope: 'keys:write',
    body: z.strictObject({ alg: algorithm }),
    status: 200,
    output: z.strictObject({ active: key, next: key, retired: key.nullable() }),
    changes: true,
    problems: [],
  }),
  'keys.activate': operation({
    method: 'POST',
    path: '/v1/keys/{id}/activate',
    tag,
    summary: 'Sign with this key from now on',
    scope: 'keys:write',
    params: idParams,
    status: 200,
    output: key,
    changes: true,
    etag: true,
    problems: ['not_found', 'conflict', 'precondition_failed'],
  }),
  'keys.retire': operation({
    method: 'POST',
    path: '/v1/keys/{id}/retire',
    tag,
    summary: 'Sign with this key no more',
    scope: 'keys:write',
    params: idParams,
    status: 200,
    output: key,
    changes: true,
    etag: true,
    problems: ['not_found', 'conflict', 'precondition_failed'],
  }),
  'keys.delete': operation({
    method: 'DELETE',
    path: '/v1/keys/{id}',
    tag,
    summary: 'Forget a key',
    description: 'What it signed verifies no more, at once. An active key has to be rotated or retired first.',
    scope: 'keys:write',
    params: idParams,
    status: 204,
    output: empty,
    changes: true,
    problems: ['not_found', 'conflict', 'precondition_failed'],
  }),
} as const;

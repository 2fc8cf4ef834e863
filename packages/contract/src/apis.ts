/** Apis: resource servers, each with an audience, a token prefix and its scopes. */
import { z } from 'zod';
import { operation } from './operation.ts';
import { apiId, cursorQuery, empty, idParams, name, page, scope, timestamp } from './schemas.ts';

const definedScopes = z
  .union([
    z.literal('any'),
    z
      .record(scope, z.string().max(500))
      .refine((value) => Object.keys(value).length <= 500, 'must define at most 500 scopes'),
  ])
  .meta({ description: '`{scope: what it allows, in words}`, or `any`: every well-formed scope' });

const audience = z
  .string()
  .min(1)
  .max(500)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
  .meta({ description: 'What requests name the api by, best its URL', examples: ['https://api.example.test'] });

const prefix = z
  .string()
  .regex(/^[a-z0-9]{2,16}$/, 'must be 2 to 16 lower-case letters or digits')
  .meta({ description: 'What its token texts start with', examples: ['acme'] });

const expiry = z.int().min(1).max(315_360_000).nullable();

const jwtProfile = z
  .strictObject({
    alg: z
      .enum(['EdDSA', 'ES256', 'PS256', 'RS256', 'HS256', 'ML-DSA-65'])
      .optional()
      .meta({ description: 'Algorithm of the workspace’s key that signs; default EdDSA' }),
    claims: z
      .record(z.string().min(1).max(100), z.json())
      .refine((value) => JSON.stringify(value).length <= 4000, 'must be at most 4000 characters of JSON')
      .optional()
      .meta({
        description: `Claims of each signed token beside the registered ones. Texts may hold \`\${owner.id}\`, \`\${owner.name}\`, \`\${owner.type}\`, \`\${owner.metadata.plan}\`, \`\${token.id}\`, \`\${token.name}\`, \`\${token.env}\`, \`\${token.metadata.tier}\`, and by itself alone \`\${owner.roles}\`, a list`,
        examples: [{ plan: `\${owner.metadata.plan}`, roles: `\${owner.roles}` }],
      }),
    encryption: z
      .strictObject({
        alg: z.enum(['ECDH-ES+A256KW', 'dir']),
        jwk: z.record(z.string().max(16), z.string().max(1000)).optional().meta({
          description: 'Public key of who reads the tokens (RFC 7517), with a `kid`; absent: the workspace’s own key',
        }),
      })
      .optional()
      .meta({ description: 'Encrypts what was signed, with A256GCM (RFC 7516)' }),
  })
  .meta({ id: 'JwtProfile', description: 'How the signed tokens of an api are made' });

export const api = z
  .strictObject({
    id: apiId,
    name,
    audience,
    prefix,
    scopes: definedScopes,
    defaultExpirySeconds: expiry.meta({
      description: 'Life of a token that asks for none; null: the platform’s default',
    }),
    maximumExpirySeconds: expiry.meta({
      description: 'Longest life of a token; null: no bound. With a bound, no token lives for ever',
    }),
    jwt: jwtProfile.nullable().meta({ description: 'null: signed with EdDSA, with the registered claims alone' }),
    builtIn: z.boolean(),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Api' });

const settings = {
  scopes: definedScopes.optional(),
  defaultExpirySeconds: expiry.optional(),
  maximumExpirySeconds: expiry.optional(),
  jwt: jwtProfile.nullable().optional(),
};
const tag = 'apis';

export const apiOperations = {
  'apis.list': operation({
    method: 'GET',
    path: '/v1/apis',
    tag,
    summary: 'List apis',
    scope: 'apis:read',
    query: z.strictObject(cursorQuery),
    status: 200,
    output: page(api),
    changes: false,
    problems: [],
  }),
  'apis.create': operation({
    method: 'POST',
    path: '/v1/apis',
    tag,
    summary: 'Create an api',
    scope: 'apis:write',
    body: z.strictObject({
      name: name.optional().meta({ description: 'Default: the audience' }),
      audience,
      prefix: prefix.optional().meta({ description: 'What its token texts start with; default `tsr`' }),
      ...settings,
    }),
    status: 201,
    output: api,
    changes: true,
    etag: true,
    problems: ['conflict'],
  }),
  'apis.get': operation({
    method: 'GET',
    path: '/v1/apis/{id}',
    tag,
    summary: 'Get an api',
    scope: 'apis:read',
    params: idParams,
    status: 200,
    output: api,
    changes: false,
    etag: true,
    problems: ['not_found'],
  }),
  'apis.update': operation({
    method: 'PATCH',
    path: '/v1/apis/{id}',
    tag,
    summary: 'Change an api',
    description:
      'The audience and the prefix stay: tokens were issued with them. A scope that is taken away is taken from every token at once.',
    scope: 'apis:write',
    params: idParams,
    body: z.strictObject({ name: name.optional(), ...settings }),
    status: 200,
    output: api,
    changes: true,
    etag: true,
    problems: ['not_found', 'conflict', 'precondition_failed'],
  }),
  'apis.delete': operation({
    method: 'DELETE',
    path: '/v1/apis/{id}',
    tag,
    summary: 'Delete an api that has no tokens',
    scope: 'apis:write',
    params: idParams,
    status: 204,
    output: empty,
    changes: true,
    problems: ['not_found', 'conflict'],
  }),
} as const;

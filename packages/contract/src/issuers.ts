/** Issuers: other servers whose tokens an api accepts, how those are checked, and what they may do here. */
import { z } from 'zod';
import { operation } from './operation.ts';
import {
  apiId,
  cursorQuery,
  empty,
  idParams,
  isPrototypeName,
  issuerId,
  name,
  ownerId,
  page,
  scopes,
  timestamp,
} from './schemas.ts';

const printable = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces');

/** VSCHAR of RFC 6749 appendix A: what client ids and secrets are made of. */
const vschar = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[\x20-\x7e]+$/, 'must be printable ASCII');

const claimName = z
  .string()
  .min(1)
  .max(200)
  .refine((value) => value.isWellFormed() && !isPrototypeName(value), 'is not a name that can be used')
  .meta({ description: 'Name of a claim; one that begins with `/` is a JSON pointer (RFC 6901) into the claims' });

const claimValue = z.union([z.string().max(1000), z.number(), z.boolean()]);
const requiredClaims = z
  .record(claimName, z.union([claimValue, z.array(claimValue).min(1).max(100)]))
  .refine((value) => Object.keys(value).length <= 20, 'must have at most 20 members')
  .meta({
    id: 'RequiredClaims',
    description:
      'Claims that must be there with exactly this value, or one of these. Where the claim is a list, one of its members has to be',
  });

/** A URL that the platform fetches from: over TLS, and naming nobody. */
const url = z
  .string()
  .max(2000)
  .regex(/^https:\/\/[^/?#@\s\\]+(?:[/?][^#\s]*)?$/, 'must be an https URL without credentials and fragment')
  .meta({ examples: ['https://issuer.example.test/jwks.json'] });

const discovery = z
  .strictObject({ discovery: z.literal(true) })
  .meta({ description: 'Keys as `<issuer>/.well-known/openid-configuration` names them' });
const jwks = z.strictObject({ jwksUrl: url }).meta({ description: 'Keys of this URL (RFC 7517 section 5)' });
const introspection = {
  url,
  clientId: vschar(500),
  authentication: z
    .enum(['basic', 'post'])
    .default('basic')
    .meta({ description: 'How the client secret is sent (RFC 6749 section 2.3.1)' }),
  prefix: z
    .string()
    .max(100)
    .regex(/^[\x21-\x7e]*$/, 'must be printable ASCII without spaces')
    .default('')
    .meta({
      description: 'What its opaque tokens start with. Empty: any text that is no token of ours is asked about',
    }),
};
const introspected = z
  .strictObject({ introspection: z.strictObject(introspection) })
  .meta({ description: 'The issuer is asked about each token (RFC 7662)' });
const introspectedInput = z.strictObject({
  introspection: z.strictObject({ ...introspection, clientSecret: vschar(1000) }),
});

const algorithms = z
  .array(z.enum(['EdDSA', 'ES256', 'PS256', 'RS256']))
  .min(1)
  .max(4)
  .refine((list) => new Set(list).size === list.length, 'must not repeat an algorithm')
  .meta({
    description:
      'What may sign; default all four. A published key without `alg` is used only where exactly one of these fits it',
  });

const tokenTypes = z
  .array(z.string().regex(/^[A-Za-z0-9.+_-]{1,60}$/, 'must be a media type without `application/`, or `absent`'))
  .min(1)
  .max(5)
  .meta({
    description:
      'Accepted values of the header `typ`, in any letter case; `absent`: none. Default `at+jwt` (RFC 9068): what else an issuer signs, such as ID tokens, is no access token unless it is named here',
    examples: [['at+jwt'], ['JWT', 'absent']],
  });

const scopeRule = z
  .union([
    z
      .strictObject({ scopes, when: requiredClaims.optional() })
      .meta({ description: 'These scopes; with `when`, where the claims hold' }),
    z
      .strictObject({
        claim: claimName,
        map: z
          .record(z.string().min(1).max(200), scopes)
          .refine((value) => Object.keys(value).length <= 200, 'must have at most 200 members'),
      })
      .meta({
        description: 'For each value of the claim (a list, or a text with spaces) the scopes that the table has for it',
      }),
    z
      .strictObject({ claim: claimName, prefix: z.string().max(200) })
      .meta({ description: 'Each value of the claim that begins with the prefix, without it' }),
  ])
  .meta({ id: 'ScopeRule' });

const owner = z
  .union([
    z.strictObject({ id: ownerId }).meta({ description: 'This owner' }),
    z
      .strictObject({
        claim: claimName,
        metadata: z
          .string()
          .regex(/^[A-Za-z0-9_.:-]{1,100}$/)
          .optional(),
      })
      .meta({
        description:
          'The owner whose metadata has, under this key, the value of the claim; without `metadata` the owner with that id. No owner, or more than one: the token is refused',
      }),
  ])
  .nullable()
  .meta({ description: 'Whom its tokens stand for; null: nobody here, and `subject` tells who it is there' });

const maxLifetimeSeconds = z
  .int()
  .min(1)
  .max(2_678_400)
  .meta({ description: 'A token ends so long after it was issued, whatever its `exp`; default 86400' });

const audience = printable(500).nullable().meta({
  description:
    'What `aud` must contain; default the audience of the api. null: not asked, with introspection only, where the issuer tells its clients of their own tokens alone',
});

const checks = { audience, algorithms, tokenTypes, requiredClaims, owner, maxLifetimeSeconds };
const scopeRules = z.array(scopeRule).max(50).meta({
  description: 'All that apply grant together, and never more than the api defines. Default: no scopes',
});

export const issuer = z
  .strictObject({
    id: issuerId,
    name,
    api: apiId,
    issuer: z.string().meta({ description: 'Compared with `iss`, character by character' }),
    method: z.union([discovery, jwks, introspected]),
    ...checks,
    scopes: scopeRules,
    enabled: z.boolean(),
    createdAt: timestamp,
    updatedAt: timestamp,
  })
  .meta({ id: 'Issuer' });

const settings = {
  name: name.optional(),
  audience: audience.optional(),
  algorithms: algorithms.optional(),
  tokenTypes: tokenTypes.optional(),
  requiredClaims: requiredClaims.optional(),
  scopes: scopeRules.optional(),
  owner: owner.optional(),
  maxLifetimeSeconds: maxLifetimeSeconds.optional(),
  enabled: z.boolean().optional(),
};
const method = z.union([discovery, jwks, introspectedInput]);
const tag = 'issuers';

export const issuerOperations = {
  'issuers.list': operation({
    method: 'GET',
    path: '/v1/issuers',
    tag,
    summary: 'List issuers, newest first',
    scope: 'issuers:read',
    query: z.strictObject(cursorQuery),
    status: 200,
    output: page(issuer),
    changes: false,
    problems: [],
  }),
  'issuers.create': operation({
    method: 'POST',
    path: '/v1/issuers',
    tag,
    summary: 'Accept the tokens of another issuer for an api',
    description:
      'Several may name the same `issuer`, each with its own claims and scopes: the oldest that accepts a token decides. The management API takes no tokens of others.',
    scope: 'issuers:write',
    body: z.strictObject({
      api: z.string().min(1).max(500).meta({ description: 'Id or audience' }),
      issuer: printable(500).meta({ examples: ['https://token.actions.githubusercontent.com'] }),
      method,
      ...settings,
    }),
    status: 201,
    output: issuer,
    changes: true,
    etag: true,
    problems: ['conflict'],
  }),
  'issuers.get': operation({
    method: 'GET',
    path: '/v1/issuers/{id}',
    tag,
    summary: 'Get an issuer',
    scope: 'issuers:read',
    params: idParams,
    status: 200,
    output: issuer,
    changes: false,
    etag: true,
    problems: ['not_found'],
  }),
  'issuers.update': operation({
    method: 'PATCH',
    path: '/v1/issuers/{id}',
    tag,
    summary: 'Change an issuer',
    description: 'What is left out stays. A `method` comes whole, with its secret: no kept secret goes to another URL.',
    scope: 'issuers:write',
    params: idParams,
    body: z.strictObject({ method: method.optional(), ...settings }),
    status: 200,
    output: issuer,
    changes: true,
    etag: true,
    problems: ['not_found', 'precondition_failed'],
  }),
  'issuers.delete': operation({
    method: 'DELETE',
    path: '/v1/issuers/{id}',
    tag,
    summary: 'Accept its tokens no more',
    scope: 'issuers:write',
    params: idParams,
    status: 204,
    output: empty,
    changes: true,
    problems: ['not_found', 'precondition_failed'],
  }),
  'issuers.revoke': operation({
    method: 'POST',
    path: '/v1/issuers/{id}/revoke',
    tag,
    summary: 'Refuse tokens of this issuer',
    description:
      'One token by its `jti`, those of a subject by `sub`, or all, each as far as they were issued before `issuedBefore`. It holds for every api of the workspace that accepts this issuer, and for good: the issuer’s own word does not lift it.',
    scope: 'issuers:write',
    params: idParams,
    body: z
      .strictObject({
        jti: z.string().min(1).max(1000).optional(),
        sub: z.string().min(1).max(1000).optional(),
        issuedBefore: timestamp.optional().meta({ description: 'Default, where `sub` is named: now' }),
      })
      .refine(({ jti, sub, issuedBefore }) => jti !== undefined || sub !== undefined || issuedBefore !== undefined, {
        message: 'must name jti, sub or issuedBefore',
      })
      .refine(({ jti, sub, issuedBefore }) => jti === undefined || (sub === undefined && issuedBefore === undefined), {
        path: ['jti'],
        message: 'must stand alone',
      }),
    status: 200,
    output: z.strictObject({
      issuer: z.string(),
      jti: z.string().nullable(),
      sub: z.string().nullable(),
      issuedBefore: timestamp.nullable(),
      until: timestamp.meta({ description: 'When the last token that it could concern has ended' }),
    }),
    changes: true,
    problems: ['not_found'],
  }),
} as const;

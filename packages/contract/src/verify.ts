/** The verify endpoint: a token in, the verdict out. */
import { z } from 'zod';
import { operation } from './operation.ts';
import {
  anyTokenKind,
  environment,
  foreignTokenId,
  limitState,
  ownerId,
  scope,
  secretDigest,
  timestamp,
  tokenId,
} from './schemas.ts';

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

const verifyInput = z
  .strictObject({
    token: z.string().optional().meta({ description: 'The text that the request presented' }),
    digest: secretDigest.optional().meta({
      description: 'Instead of `token`: its digest, for a verifier that looked at the text itself',
    }),
    audience: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .meta({ description: 'Audience or id of the api that the token must be for' }),
    env: environment.optional(),
    scopes: z.array(scope).max(200).optional().meta({ description: 'All of them are required' }),
    request: z
      .strictObject({
        method: z.string().max(100).optional(),
        host: z.string().max(1000).optional(),
        path: z.string().max(65_536).optional(),
        ip: z
          .string()
          .max(100)
          .optional()
          .meta({ description: 'Client address; without it a token with address rules is refused' }),
        headers: z
          .record(z.string().regex(FIELD_NAME), z.string())
          .optional()
          .meta({ description: 'Of them, `dpop` is read' }),
      })
      .optional(),
    cost: z.int().min(1).max(1_000_000).optional().meta({ description: 'Default 1' }),
    mode: z
      .enum(['enforce', 'explain'])
      .optional()
      .meta({ description: '`explain` reports every check and spends nothing' }),
  })
  .refine(({ token, digest }) => (token === undefined) !== (digest === undefined), {
    path: ['token'],
    message: 'must be given, or digest instead of it',
  })
  .meta({ id: 'VerifyInput' });

const finding = z.strictObject({
  step: z.enum(['presence', 'validation', 'authorization', 'policy']),
  check: z.string(),
  outcome: z
    .enum(['passed', 'refused', 'skipped', 'shadowed'])
    .meta({ description: '`shadowed`: a policy in shadow mode would have refused' }),
  code: z.string().optional(),
  detail: z.string().optional(),
});

export const verdict = z
  .strictObject({
    valid: z.boolean(),
    code: z.string().meta({ description: '`ok`, or the denial code' }),
    detail: z.string().optional(),
    kind: anyTokenKind.optional(),
    id: z.union([tokenId, foreignTokenId]).optional(),
    name: z.string().optional(),
    owner: ownerId.nullable().optional(),
    ownerType: z.enum(['user', 'service', 'customer']).optional(),
    issuer: z.string().optional().meta({ description: 'Of a token that another issuer made: its `iss`' }),
    subject: z.string().optional().meta({ description: 'Its `sub`' }),
    roles: z.array(z.string()).optional().meta({ description: 'Names of the owner’s roles' }),
    api: z.string().optional(),
    audience: z.string().optional(),
    env: environment.optional(),
    scopes: z.array(z.string()).optional(),
    missingScopes: z.array(z.string()).optional(),
    expiresAt: timestamp.nullable().optional(),
    limits: z.array(limitState).optional(),
    retryAfterSeconds: z.int().optional(),
    shadowed: z
      .array(z.strictObject({ policy: z.string(), code: z.string(), detail: z.string().optional() }))
      .optional()
      .meta({ description: 'What policies in shadow mode would have refused it for' }),
    steps: z.array(finding).optional().meta({ description: 'With `mode: explain`' }),
  })
  .meta({ id: 'Verdict' });

export const verifyOperations = {
  'verify.one': operation({
    method: 'POST',
    path: '/v1/verify',
    tag: 'verify',
    summary: 'Ask for the verdict on a token',
    scope: 'verify',
    description:
      'Answers 200 whatever the verdict is; see `valid` and `code`. A token of another workspace is `unknown`.',
    body: verifyInput,
    status: 200,
    output: verdict,
    changes: false,
    secret: true,
    problems: [],
  }),
  'verify.batch': operation({
    method: 'POST',
    path: '/v1/verify/batch',
    tag: 'verify',
    summary: 'Ask for the verdicts on up to 100 tokens',
    description:
      'In order; each is judged and counted as if it had come alone. Where one item is not valid input, the whole batch is refused and nothing is counted.',
    scope: 'verify',
    body: z.strictObject({ items: z.array(verifyInput).min(1).max(100) }),
    status: 200,
    output: z.strictObject({ items: z.array(verdict) }),
    changes: false,
    secret: true,
    problems: [],
  }),
} as const;

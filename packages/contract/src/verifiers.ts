/** What verifiers ask and tell: services that make verdicts in their own process, from facts that they keep and a feed that they follow. */
import { z } from 'zod';
import { operation } from './operation.ts';
import { anyTokenKind, environment, ownerType } from './schemas.ts';

/** Exactly one spelling of each digest: the bits beyond its last byte are zero. */
const SHA256 = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;
const SHA512 = /^[A-Za-z0-9_-]{85}[AQgw]$/;

export const secretDigest = z
  .string()
  .refine((value) => SHA256.test(value) || SHA512.test(value), 'must be a SHA-256 or SHA-512 digest in base64url')
  .meta({
    description:
      'Digest of a whole token text in base64url without padding: SHA-256 (43 characters), or SHA-512 (86) for imported tokens whose `imports` say so',
    examples: ['LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'],
  });

const time = z.int().min(0).meta({ description: 'Milliseconds since the epoch' });
const period = z.enum(['day', 'month']);
const onFault = z.enum(['closed', 'open', 'local']).optional();
const whole = z.int().min(1);

const limitRule = z.strictObject({
  key: z.string(),
  name: z.string(),
  limit: whole,
  windowSeconds: whole,
  burst: whole,
  cost: whole,
  mode: z.enum(['exact', 'approximate']).optional().meta({
    description: 'Of an `approximate` one, a share may be spent locally; every other one only the server can count',
  }),
  onFault,
});

const budgetRule = z.union([
  z.strictObject({
    kind: z.literal('quota').optional(),
    key: z.string(),
    name: z.string(),
    limit: whole,
    period,
    onFault,
  }),
  z.strictObject({
    kind: z.literal('credits'),
    key: z.string(),
    name: z.string(),
    refill: z.strictObject({ amount: whole, period }).optional(),
    onFault: z.literal('closed').optional(),
  }),
]);

const rules = { limits: z.array(limitRule), quotas: z.array(budgetRule) };

/** `FactsOnWire` of the verify package, as a schema. */
export const tokenFacts = z
  .strictObject({
    id: z.string(),
    kind: anyTokenKind,
    name: z.string(),
    workspace: z.strictObject({ id: z.string(), enabled: z.boolean() }),
    owner: z
      .strictObject({ id: z.string(), type: ownerType, roles: z.array(z.string()), enabled: z.boolean() })
      .nullable(),
    api: z.strictObject({ id: z.string(), audience: z.string() }),
    environment,
    scopes: z.array(z.string()),
    expiresAt: time.nullable(),
    secret: z.strictObject({ state: z.enum(['active', 'pending', 'retiring']), until: time.nullable() }),
    enabled: z.boolean(),
    revokedAt: time.nullable(),
    notBefore: time.nullable(),
    ...rules,
    shadow: z.strictObject(rules).optional(),
    addresses: z.array(
      z.strictObject({
        label: z.string(),
        allow: z.array(z.string()).optional(),
        deny: z.array(z.string()).optional(),
      }),
    ),
    boundKey: z.string().nullable(),
    clockSkewMs: z.int().min(0).optional(),
  })
  .meta({
    id: 'TokenFacts',
    description:
      'All that a verdict needs to know of a token. Who reads it refuses what it does not know: a member that is new to it may be a rule.',
  });

export const verifierOperations = {
  'lookups.find': operation({
    method: 'POST',
    path: '/v1/lookups',
    tag: 'verifiers',
    summary: 'Ask for what verdicts on up to 100 tokens need',
    description:
      'In the order of the digests. `seq` is the position of the change feed from before the facts were read: who follows the feed from there misses no change to them. A token of another workspace is `null`, as one that nobody has.',
    scope: 'verify',
    body: z.strictObject({ digests: z.array(secretDigest).min(1).max(100) }),
    status: 200,
    output: z.strictObject({
      seq: z.int().min(0),
      items: z.array(z.strictObject({ digest: secretDigest, facts: tokenFacts.nullable() })),
      imports: z
        .array(z.strictObject({ prefix: z.string(), algorithm: z.enum(['sha256', 'sha512']) }))
        .meta({ description: 'What the texts of imported tokens begin with, and how they are digested' }),
    }),
    changes: false,
    problems: [],
  }),
} as const;

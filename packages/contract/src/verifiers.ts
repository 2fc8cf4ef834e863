/** What verifiers ask and tell: services that make verdicts in their own process, from facts that they keep and a feed that they follow. */
import { z } from 'zod';
import { operation } from './operation.ts';
import { change } from './records.ts';
import { anyTokenKind, empty, environment, ownerType, pathId, secretDigest, tokenId } from './schemas.ts';

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
const tokenFacts = z
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
    parents: z.array(z.string()).optional().meta({ description: 'Tokens that it descends from, nearest first' }),
    client: z.string().optional(),
    session: z.string().optional(),
    kid: z.string().optional().meta({ description: 'Key that signed the text' }),
    clockSkewMs: z.int().min(0).optional(),
  })
  .meta({
    id: 'TokenFacts',
    description:
      'All that a verdict needs to know of a token. Who reads it refuses what it does not know: a member that is new to it may be a rule.',
  });

/** Not named by an administrator, and so of no resource: made by a process at its start. */
const verifierId = z
  .string()
  .regex(/^vrf_[0-9A-Za-z]{16,40}$/, 'must be vrf_ and 16 to 40 letters and digits')
  .meta({
    description: 'Names the process; made at random at its start',
    examples: ['vrf_4f9d2c7ab1e84c55a0d3f6b28e917c40'],
  });

const MOST_ROWS = 1000;
const counted = z.int().min(0).max(1_000_000_000);

const count = z.strictObject({ confirmed: z.int().min(0), total: z.int().min(0) }).meta({ id: 'ConfirmationCount' });

export const verifierOperations = {
  'lookups.find': operation({
    method: 'POST',
    path: '/v1/lookups',
    tag: 'verifiers',
    summary: 'Ask for what verdicts on up to 100 tokens need',
    description:
      'In the order of the digests, from the first one on: where the tokens have very many scopes and address ranges, of fewer than were asked for, and the rest is asked for again. `seq` is the position of the change feed from before the facts were read: who follows the feed from there misses no change to them. A token of another workspace is `null`, as one that nobody has.',
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
  'notices.list': operation({
    method: 'GET',
    path: '/v1/notices',
    tag: 'verifiers',
    summary: 'Ask for what judging signed tokens by their claims needs',
    description:
      'The keys that verify them, and the changes after which a text that was signed before must be asked for by its digest. `seq` is the position of the change feed from before they were read: who follows the feed from there misses none. Of a shared secret only the name is told: what it signed is asked for by its digest, too.',
    scope: 'verify',
    query: z.strictObject({
      after: z
        .string()
        .regex(/^[0-9]{1,15}(?:\.[0-9]{1,15})?$/, 'must be a time in milliseconds, or `next` of the page before')
        .optional()
        .meta({
          description:
            'Milliseconds since the epoch by the clock that tokens are judged by: what is over by then is left out. Default: now, by that of the server',
        }),
      limit: z.coerce.number().pipe(z.int().min(1).max(1000)).optional(),
    }),
    status: 200,
    output: z.strictObject({
      seq: z.int().min(0),
      workspace: z.string(),
      keys: z.array(z.record(z.string(), z.string())).meta({ description: 'JWKs (RFC 7517), without a secret member' }),
      items: z.array(change.required()),
      next: z.string().nullable().meta({ description: '`after` of the next page; null: there is none' }),
    }),
    changes: false,
    problems: [],
  }),
  'usage.report': operation({
    method: 'POST',
    path: '/v1/usage',
    tag: 'verifiers',
    summary: 'Report what a verifier has counted',
    description:
      'Each batch of a verifier has a higher number than the one before, and is sent again, unchanged, until it is answered: it is counted once. That is remembered for a day, of a hundred thousand verifiers of a token, and a million of a workspace. Tokens and secrets of another workspace are passed over, as unknown ones are. Times to come, and those more than a week old, count as the nearest time in between.',
    scope: 'verify',
    body: z.strictObject({
      verifier: verifierId,
      number: z.int().min(1),
      counts: z.array(z.strictObject({ token: tokenId, hour: time, allowed: counted, denied: counted })).max(MOST_ROWS),
      uses: z.array(z.strictObject({ digest: secretDigest, at: time })).max(MOST_ROWS),
    }),
    status: 200,
    output: z.strictObject({
      counted: z.boolean().meta({ description: 'False: this batch, or a later one, was counted before' }),
    }),
    changes: false,
    problems: ['forbidden', 'too_many'],
  }),
  'positions.report': operation({
    method: 'POST',
    path: '/v1/positions',
    tag: 'verifiers',
    summary: 'Report how far a verifier has applied the change feed',
    description:
      'At most once a second while changes come, and every ten seconds: a verifier that was not heard of for 75 seconds counts as gone, longer than any believes its memory. Of a workspace, 10,000 are counted; where there are more, of each token an even part of them.',
    scope: 'verify',
    body: z.strictObject({
      verifier: verifierId,
      seq: z.int().min(0).meta({ description: 'Every change up to this one is applied' }),
    }),
    status: 200,
    output: empty,
    changes: false,
    problems: [],
  }),
  'positions.withdraw': operation({
    method: 'POST',
    path: '/v1/positions/withdraw',
    tag: 'verifiers',
    summary: 'Say that a verifier makes no verdicts any more',
    description:
      'From the answer on it counts neither as there nor as one that has to confirm, and nothing that it reported before makes it count again. It is found by its name among those that report with the same token; one that nobody knows is none. Of a verifier that ends without it, nothing is heard for 75 seconds.',
    scope: 'verify',
    body: z.strictObject({ verifier: verifierId }),
    status: 200,
    output: empty,
    changes: false,
    problems: [],
  }),
  'changes.confirmations': operation({
    method: 'GET',
    path: '/v1/changes/{seq}/confirmations',
    tag: 'changes',
    summary: 'See who has applied a change',
    description:
      'Of the nodes and the verifiers that are there now. One that is not counted as confirmed believes nothing that is older than its staleness bound.',
    scope: 'changes:read',
    params: z.strictObject({ seq: pathId }),
    status: 200,
    output: z.strictObject({ nodes: count, verifiers: count }),
    changes: false,
    problems: ['not_found'],
  }),
} as const;

/** Ending many tokens at once: when something leaked, and what it could have touched is known better than which tokens that were. */
import { z } from 'zod';
import { operation } from './operation.ts';
import { keyId, ownerId, reason, timestamp, tokenId } from './schemas.ts';

const label = z.string().min(1).max(200);

const subjects = ['owner', 'parent', 'api', 'client', 'session', 'key', 'prefix', 'all'] as const;

const body = z
  .strictObject({
    owner: ownerId.optional().meta({ description: 'The tokens of this owner' }),
    parent: tokenId.optional().meta({ description: 'The tokens that descend from this one, and not this one' }),
    api: label.optional().meta({ description: 'The tokens of this api, named by id or audience' }),
    client: label.optional().meta({ description: 'The tokens that were issued to this application' }),
    session: label.optional().meta({ description: 'The tokens of this session' }),
    key: keyId.optional().meta({
      description:
        'The tokens that this key signed. The key is forgotten: whoever has it could sign more. Needs the scope `keys:write`, too',
    }),
    prefix: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be what the text of a token starts with')
      .optional()
      .meta({ description: 'The tokens whose text starts so: a prefix, with the environment or without' }),
    all: z.literal(true).optional().meta({ description: 'Every token of the workspace. Only `admin` may' }),
    issuedBefore: timestamp.optional().meta({ description: 'Of these, only those that were made before' }),
    issuedAfter: timestamp.optional().meta({ description: 'Of these, only those that were made after' }),
    includeSelf: z.boolean().optional().meta({
      description: 'Also the token that the caller calls with, where it is one of them. The root token never is',
    }),
    reason: reason.optional(),
  })
  .refine((value) => subjects.filter((subject) => value[subject] !== undefined).length === 1, {
    message: `must name exactly one of ${subjects.join(', ')}`,
  });

export const revocationOperations = {
  'tokens.revokeMany': operation({
    method: 'POST',
    path: '/v1/revocations',
    tag: 'tokens',
    summary: 'Revoke many tokens, for good',
    description:
      'All of them or none, whatever their kind and format; what descends from them ends with them. Those that are revoked already do not count, so that asking twice changes nothing.',
    scope: 'tokens:write',
    body,
    status: 200,
    output: z.strictObject({ revoked: z.int().min(0).meta({ description: 'How many were revoked now' }) }),
    changes: true,
    problems: ['forbidden', 'conflict'],
  }),
} as const;

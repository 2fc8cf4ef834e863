/** Shares of limits: what a verifier may let pass by itself, counted before it does. */
import { z } from 'zod';
import { operation } from './operation.ts';
import { limitState, secretDigest } from './schemas.ts';

const count = z.int().min(1).max(1_000_000);

export const leaseOperations = {
  'leases.take': operation({
    method: 'POST',
    path: '/v1/leases',
    tag: 'verifiers',
    summary: 'Take a share of an approximate limit, to be spent elsewhere',
    description:
      'What is granted was counted, in one step, and by the same counter as every other request: nobody else can spend it, it is not given back, and it ends `seconds` after the question was sent. At most half of what is left is granted where `atLeast` does not ask for more. 404: no token of this workspace that could pass now has this digest and an approximate limit of this name; `POST /v1/verify` tells more.',
    scope: 'verify',
    body: z
      .strictObject({
        digest: secretDigest,
        limit: z.string().min(1).max(100).meta({ description: 'Name of a limit of the token' }),
        want: count.meta({ description: 'Requests of cost 1' }),
        atLeast: count.optional().meta({ description: 'So many or none; default 1' }),
      })
      .refine(({ want, atLeast = 1 }) => atLeast <= want, {
        path: ['atLeast'],
        message: 'must not be more than is wanted',
      }),
    status: 200,
    output: z.strictObject({
      granted: z.int().min(0).meta({ description: '0: refused; ask again in `retryAfterSeconds`' }),
      seconds: z.int().min(1).meta({ description: 'A tenth of the window, from 1 to 10' }),
      state: limitState,
      retryAfterSeconds: z.int().min(0).meta({ description: '0 where something was granted' }),
    }),
    changes: false,
    problems: ['not_found'],
  }),
} as const;

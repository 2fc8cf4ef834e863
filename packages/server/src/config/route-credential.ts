/** The `credential:` part of a route: where a credential may be, and where it ends. */
import { z } from 'zod';
import { flag } from './plain-values.ts';
import { strictObject } from './strict-object.ts';

const NAME = 'must be the name of a query parameter: letters, digits, _ and -';

export const routeCredential = strictObject({
  strip: flag
    .default(true)
    .describe('Whether the upstream never sees the credential of a header. One of the query it never sees.'),
  query: z
    .string(NAME)
    .regex(/^[A-Za-z0-9_-]{1,64}$/, NAME)
    .optional()
    .describe(
      'Query parameter that a credential is accepted in, such as `access_token`. Without it none: addresses end in logs and histories.',
    ),
});

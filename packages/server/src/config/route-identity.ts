/** What a route tells its upstream of the caller, beside the header fields that every route sends. */
import { z } from 'zod';
import { flag } from './plain-values.ts';
import { strictObject } from './strict-object.ts';

const AUDIENCE = 'must be 1 to 512 characters of visible ASCII';

const assertion = z.union(
  [
    flag,
    strictObject({
      audience: z
        .string(AUDIENCE)
        .regex(/^[!-~]{1,512}$/, AUDIENCE)
        .describe('What `aud` says. Without it the origins of the upstream.'),
    }),
  ],
  'must be true, false or a mapping with an audience',
);

export const routeIdentity = strictObject({
  assertion: assertion
    .default(false)
    .describe(
      'Whether each request carries a signed `X-Tessera-Assertion` (JWT). The key ring signs it, or `assertionKey`.',
    ),
  clientCertificate: flag
    .default(false)
    .describe('Whether the upstream gets the certificate of the client in `Client-Cert` (RFC 9440).'),
});

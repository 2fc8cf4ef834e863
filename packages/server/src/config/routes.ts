/** The `routes:` part of the configuration: which requests the gateway takes, what it asks of them and where they go. */
import { z } from 'zod';
import { addressEntry } from './address-range.ts';
import { flag, oneOf } from './plain-values.ts';
import { routeBounds } from './route-bounds.ts';
import { checkCollisions } from './route-collisions.ts';
import { checkCors, routeCors } from './route-cors.ts';
import { routeCredential } from './route-credential.ts';
import { routeIdentity } from './route-identity.ts';
import { checkCosts, mode, routeCounting } from './route-limits.ts';
import { checkRewrite, routeTransform } from './route-transform.ts';
import { upstream } from './route-upstream.ts';
import { strictObject, unique } from './strict-object.ts';

const text = (message: string, pattern: RegExp) => z.string(message).regex(pattern, message);

const listOf = <Item extends z.ZodType>(item: Item, what: string) =>
  z.array(item, `must be a list of ${what}s`).check(unique(what));

const match = strictObject({
  host: text(
    'must be a host name, without port and trailing dot',
    /^(?=.{1,253}$)(?!.*-(?:\.|$))[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9][A-Za-z0-9-]*)*$/,
  )
    .transform((host) => host.toLowerCase())
    .optional()
    .describe('Host name of the request. Without it any.'),
  path: text(
    'must be a path such as /orders or /orders/*: plain segments, without "..", "//", "%" and ";"',
    /^(?=.{1,1024}$)(?!.*\.\.)(?!.*\/\.(?:\/|$))(?:\/[A-Za-z0-9._~!$&'()+,=:@-]+)*(?:\/\*?)?$/,
  ).describe('Path of the request; a trailing `/*` takes everything below. `/*` takes every path.'),
  methods: listOf(
    text(
      'must be a method in capitals, such as GET; CONNECT and TRACE are never forwarded',
      /^(?!(?:CONNECT|TRACE)$)[A-Z]{1,32}$/,
    ),
    'method',
  )
    .min(1, 'must name a method; without "methods" every method matches')
    .optional()
    .describe('Methods of the request. Without them any.'),
});

const require = strictObject({
  api: text('must be the audience or the id of an api', /^[!-~]{1,512}$/)
    .optional()
    .describe('Audience or id of the api that the token must be for.'),
  // scope-token of RFC 6749 section 3.3.
  scopes: listOf(
    text('must be a scope: visible ASCII without spaces, quotes and backslashes', /^[!#-[\]-~]{1,256}$/),
    'scope',
  )
    .default([])
    .describe('Scopes that the token must have, all of them.'),
  env: oneOf('live', 'test').optional().describe('Environment that the token must be of.'),
  kinds: listOf(oneOf('api_key', 'personal_access_token', 'access_token', 'refresh_token', 'session'), 'kind')
    .default([])
    .describe('Kinds of token that may pass. Empty: every kind.'),
  clientCertificate: flag
    .default(false)
    .describe('Whether the connection must have proved a client certificate. Needs `tlsClientCertificates`.'),
  roles: listOf(text('must be the name of a role', /^[!-~]{1,128}$/), 'role')
    .default([])
    .describe('Roles that the owner of the token must have, all of them.'),
  mode,
});

const ip = strictObject({
  // An empty `allow` would read as "nobody" and mean "everybody".
  allow: listOf(addressEntry, 'range')
    .min(1, 'must name a range; without "allow" every address may come')
    .optional()
    .describe('Addresses, CIDR ranges and host names that may call; all others may not.'),
  deny: listOf(addressEntry, 'range')
    .optional()
    .describe('Addresses, CIDR ranges and host names that may not call, whatever `allow` says.'),
  mode,
});

const routeSchema = strictObject({
  name: text('must be 1 to 64 letters, digits, ".", "_" and "-"', /^[A-Za-z0-9._-]{1,64}$/),
  workspace: text('must be the id of a workspace', /^[A-Za-z0-9_-]{1,64}$/)
    .optional()
    .describe('Id of the workspace that the route belongs to. Without it the default one.'),
  match,
  require: require.prefault({}).describe('What is asked of the token. Without it any valid token.'),
  credential: routeCredential.prefault({}),
  ...routeCounting,
  ip: ip.optional(),
  bounds: routeBounds.optional(),
  cors: routeCors.optional(),
  transform: routeTransform.prefault({}),
  identity: routeIdentity
    .optional()
    .describe('What the upstream is told of the caller, beside the `X-Tessera-*` fields.'),
  upstream: upstream.describe('Origin that the requests go to, with their path unless `transform` says otherwise.'),
  mode: mode.describe(
    'Danger: with `shadow` the whole decision is tried out and nothing is refused: whoever asks, with any token or none, ' +
      'reaches the upstream.',
  ),
})
  .superRefine(checkRewrite)
  .superRefine(checkCors)
  .superRefine(checkCosts);

export const routesSchema = z
  .array(routeSchema, 'must be a list of routes')
  .check(unique('name', 'name'))
  .superRefine(checkCollisions);

/** A route as the gateway uses it, every default filled in. */
export type Route = z.output<typeof routeSchema>;

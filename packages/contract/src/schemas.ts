/** The words that several resources share, as schemas. All objects are strict: an unknown member is an error. */
import { z } from 'zod';

/** Text a person wrote: no control characters, no lone surrogates, bounded; other Unicode is kept exactly. */
function text(max: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(max)
    .refine((value) => value.isWellFormed() && !hasControl(value), 'must be valid Unicode without control characters');
}

function hasControl(value: string): boolean {
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

export const name = text(200).meta({ description: 'A name for people', examples: ['CI deploy key'] });
export const reason = text(500).meta({ description: 'Why, for the audit log' });

/** `tok_` and so on, then a UUIDv7 in 26 characters of Crockford base32: sorts by time of creation. */
function id(prefix: string): z.ZodString {
  return z.string().regex(new RegExp(`^${prefix}_[0-9a-z]{1,40}$`), `must be an id like ${prefix}_...`);
}

export const workspaceId = id('ws').meta({ examples: ['ws_01k3zq4v8e7m0a9c5d6f7g8h9j'] });
export const apiId = id('api');
export const ownerId = id('own');
export const roleId = id('role');
export const keyId = id('key');
export const issuerId = id('iss');
export const tokenId = id('tok').meta({ examples: ['tok_01k3zq4v8e7m0a9c5d6f7g8h9j'] });
/** Of a token that another issuer made: the same for the same `iss` and `jti`, and nothing that is kept here. */
export const foreignTokenId = id('ext');

/** An id in a path: any text is taken, because one that is not an id is simply not found. */
export const pathId = z.string().min(1).max(100);

export const timestamp = z.iso
  .datetime({ offset: true })
  .meta({ description: 'RFC 3339', examples: ['2027-02-20T12:00:00.000Z'] });
/** No time after the year 9999: it could not be written as RFC 3339. */
export const futureTimestamp = timestamp.refine(
  (value) => Date.parse(value) < 253_402_300_800_000,
  'must be before the year 10000',
);

const DURATION =
  /^(?:[1-9][0-9]{0,9}(?:s|m|h|d|w)|P(?:[0-9]{1,5}D)?(?:T(?:[0-9]{1,5}H)?(?:[0-9]{1,5}M)?(?:[0-9]{1,9}S)?)?)$/;
const TEN_YEARS = 315_360_000;
export const seconds = z.int().min(1).max(TEN_YEARS).meta({ description: 'Seconds' });
export const duration = z
  .union([seconds, z.string().regex(DURATION, 'must be seconds or a duration like 30d or PT1H')])
  .meta({ description: 'Seconds, or a duration like `30d` or `PT1H`', examples: [7_776_000, '30d'] });

/** Scope tokens as RFC 6749 section 3.3 defines them. */
export const scope = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope of RFC 6749 section 3.3')
  .refine((value) => !isPrototypeName(value), 'is not a name that can be used');
export const scopes = z
  .array(scope)
  .max(200)
  .refine((list) => new Set(list).size === list.length, 'must not repeat a scope');

export function isPrototypeName(value: string): boolean {
  return value === '__proto__' || value === 'constructor' || value === 'prototype';
}

export const environment = z.enum(['live', 'test']);
export const tokenKind = z.enum(['api_key', 'personal_access_token']);
export const anyTokenKind = z.enum(['api_key', 'personal_access_token', 'access_token', 'refresh_token', 'session']);
export const ownerType = z.enum(['user', 'service', 'customer']);

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

/** Address or CIDR range; whether it is one is checked by whoever compiles it. */
const range = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'must be an IP address or a CIDR range');
export const addressLists = z
  .strictObject({ allow: z.array(range).max(200).optional(), deny: z.array(range).max(200).optional() })
  .meta({
    id: 'AddressLists',
    description: 'Address ranges. Deny wins; without `allow`, every address that is not denied may pass.',
  });

const onFault = z.enum(['closed', 'open', 'local']).optional().meta({
  description:
    'While what counts it does not answer: `closed` refuses with 503 (default), `open` lets pass uncounted, `local` counts in each process by itself',
});

const LIMIT_NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
export const limit = z
  .strictObject({
    name: z.string().regex(LIMIT_NAME, 'must be lower-case letters, digits, - and _').optional(),
    limit: z.int().min(1).max(1_000_000).meta({ description: 'Requests in a window' }),
    window: z.int().min(1).max(2_678_400).meta({ description: 'Seconds' }),
    burst: z
      .int()
      .min(1)
      .max(1_000_000)
      .optional()
      .meta({ description: 'Requests that may pass at once; default: `limit`' }),
    cost: z.int().min(1).max(1_000_000).optional().meta({ description: 'What one request costs; default 1' }),
    mode: z.enum(['exact', 'approximate', 'shadow']).optional().meta({
      description:
        '`exact` (default): each request is counted by the server before it passes, also those that a verifier judges. `approximate`: verifiers and nodes take shares, which are counted when they are taken and end S seconds later (a tenth of the window, from 1 to 10), so that a verdict costs no call; in any t seconds at most burst + floor((t + S) × limit / window) requests pass, and never more than were counted. `shadow`: counted exactly and told, but never refusing',
    }),
    onFault,
  })
  .refine((value) => (value.cost ?? 1) <= (value.burst ?? value.limit), {
    path: ['cost'],
    message: 'must not be more than the burst',
  })
  .meta({ id: 'Limit', description: 'In any t seconds at most burst + floor(t × limit / window) requests pass.' });
export const limits = z
  .array(limit)
  .max(10)
  .refine((list) => new Set(list.map(limitName)).size === list.length, 'must have different names')
  .meta({ description: 'All are counted at once, or none.' });

/** The name of a limit that was given none. */
export function limitName(value: {
  readonly name?: string | undefined;
  readonly limit: number;
  readonly window: number;
}): string {
  return value.name ?? `${value.limit}-per-${value.window}s`;
}

const MOST_IN_A_PERIOD = 1_000_000_000_000;
const period = z.enum(['day', 'month']);

export const quota = z
  .strictObject({
    limit: z.int().min(1).max(MOST_IN_A_PERIOD),
    period,
    mode: z
      .enum(['enforce', 'shadow'])
      .optional()
      .meta({ description: 'Default `enforce`; `shadow`: counted and told, but never refusing' }),
    onFault,
  })
  .meta({ id: 'Quota', description: 'Requests in a calendar day or month (UTC).' });

const creditCount = z.int().min(0).max(MOST_IN_A_PERIOD);
const refill = z.strictObject({ amount: z.int().min(1).max(MOST_IN_A_PERIOD), period }).meta({
  id: 'Refill',
  description:
    'At the start of each calendar day or month (UTC) what is left becomes at least `amount`; what is more stays.',
});

const creditsText = 'Requests that the token may still make, whatever its quotas; each costs what it costs of a quota.';
export const credits = z
  .strictObject({ remaining: creditCount, refill: refill.nullable() })
  .meta({ id: 'Credits', description: creditsText });
export const creditsInput = z
  .strictObject({ remaining: creditCount, refill: refill.optional() })
  .meta({ id: 'CreditsInput', description: creditsText });
export const creditsChange = z
  .strictObject({
    remaining: creditCount.optional().meta({ description: 'What is left from now on; default: what is left' }),
    add: z
      .int()
      .min(1)
      .max(MOST_IN_A_PERIOD)
      .optional()
      .meta({ description: 'Added to what is left at that very moment, also while the token is used' }),
    refill: refill.nullable().optional(),
  })
  .refine(({ remaining, add }) => remaining === undefined || add === undefined, {
    path: ['add'],
    message: 'must not be given together with remaining',
  })
  .meta({
    id: 'CreditsChange',
    description: 'Where the token had no credits, `remaining` or `add` is what it starts with.',
  });

/** Up to 50 texts of the user's own, never interpreted. */
export const metadata = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z0-9_.:-]{1,100}$/)
      .refine((key) => !isPrototypeName(key), 'is not a name that can be used'),
    z
      .string()
      .max(1000)
      .refine((value) => value.isWellFormed() && !value.includes('\0'), 'must be valid Unicode without NUL'),
  )
  .refine((value) => Object.keys(value).length <= 50, 'must have at most 50 members')
  .meta({ id: 'Metadata' });

export const limitState = z
  .strictObject({ name: z.string(), limit: z.int(), remaining: z.int(), resetSeconds: z.int() })
  .meta({ id: 'LimitState', description: 'How a limit stands after this request.' });

export const cursorQuery = {
  limit: z.coerce
    .number()
    .pipe(z.int().min(1).max(100))
    .optional()
    .meta({ description: 'Items in a page, at most 100; default 50' }),
  cursor: z.string().min(1).max(1000).optional().meta({ description: 'The `nextCursor` of the page before' }),
};

/** A page of a list. */
export function page<T extends z.ZodType>(
  item: T,
): z.ZodObject<{ items: z.ZodArray<T>; nextCursor: z.ZodNullable<z.ZodString> }> {
  return z.strictObject({ items: z.array(item), nextCursor: z.string().nullable() });
}

export const idParams = z.strictObject({ id: pathId });
export const empty = z.strictObject({});

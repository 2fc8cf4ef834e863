/** Cross-origin rules of a route, from the configuration's words into what is answered at every request (Fetch standard). */
import { fieldChanges } from './compiled-changes.ts';

export interface CorsConfig {
  /** Origins in canonical form, or `*` alone. */
  readonly origins: readonly string[];
  readonly methods?: readonly string[] | undefined;
  readonly headers?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly credentials?: boolean;
  /** Seconds. */
  readonly maxAge?: number;
}

export interface Cors {
  /** Compared exactly; undefined: any. */
  readonly origins: ReadonlySet<string> | undefined;
  /** For `Access-Control-Allow-Methods`; undefined: every method that the route takes. */
  readonly methods: string | undefined;
  /** For `Access-Control-Allow-Headers`. */
  readonly headers: string;
  /** Further fields of every answer to an allowed origin, name and value by turns. */
  readonly allowed: readonly string[];
  /** For `Access-Control-Max-Age`. */
  readonly maxAge: string;
  /** Whether pages may send cookies. */
  readonly credentials: boolean;
}

/** What a caller of any route sends; `Authorization` must be named even where a wildcard stands (Fetch section 3.3.5). */
const ALWAYS_SENT = ['Authorization', 'Content-Type', 'DPoP', 'X-API-Key', 'X-Request-Id'];

/** What our own answers say: why they refuse, and when to come back. */
const ALWAYS_EXPOSED = [
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'WWW-Authenticate',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'X-Request-Id',
];

/** On a route with rules of its own, what the upstream says of other origins would contradict them. */
export const withoutUpstreamCors = fieldChanges({
  remove: [
    'Access-Control-Allow-Credentials',
    'Access-Control-Allow-Headers',
    'Access-Control-Allow-Methods',
    'Access-Control-Allow-Origin',
    'Access-Control-Allow-Private-Network',
    'Access-Control-Expose-Headers',
    'Access-Control-Max-Age',
  ],
});

/** Throws a RangeError where every origin is allowed to send cookies. */
export function compileCors(config: CorsConfig): Cors {
  const { origins, methods, headers = [], exposeHeaders = [], credentials = false, maxAge = 600 } = config;
  const isAny = origins.includes('*');
  if (isAny && credentials) throw new RangeError('every origin may not send cookies');
  return Object.freeze({
    origins: isAny ? undefined : new Set(origins),
    methods: methods?.join(', '),
    headers: joined(ALWAYS_SENT, headers),
    allowed: [
      ...(credentials ? ['Access-Control-Allow-Credentials', 'true'] : []),
      'Access-Control-Expose-Headers',
      joined(ALWAYS_EXPOSED, exposeHeaders),
    ],
    maxAge: String(maxAge),
    credentials,
  });
}

function joined(ours: readonly string[], theirs: readonly string[]): string {
  const known = new Set(ours.map((name) => name.toLowerCase()));
  return [...ours, ...theirs.filter((name) => !known.has(name.toLowerCase()))].join(', ');
}

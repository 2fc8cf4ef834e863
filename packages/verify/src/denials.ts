/** The one table of reasons: every denial code, its HTTP status, the step that finds it and what the two audiences are told. */

/** The four steps of the decision, in their order. */
export type Step = 'presence' | 'validation' | 'authorization' | 'policy';

/** What a denial code means. The status belongs to the code, not to the step or the door. */
export interface DenialMeaning {
  readonly status: 400 | 401 | 403 | 429 | 503;
  readonly step: Step;
  /** What a stranger may hear: never says whether a token exists. */
  readonly public: string;
  /** What the operator and the caller of the verify endpoint must know. */
  readonly operator: string;
}

const INVALID = 'The token is not valid here.';

const table = {
  missing: {
    status: 401,
    step: 'presence',
    public: 'A token is required.',
    operator: 'No credential in an allowed place.',
  },
  malformed: {
    status: 401,
    step: 'validation',
    public: INVALID,
    operator: 'The text is no token: wrong shape or wrong checksum. The store was not asked.',
  },
  unknown: {
    status: 401,
    step: 'validation',
    public: INVALID,
    operator: 'Well formed, but no token of this workspace has this secret.',
  },
  revoked: { status: 401, step: 'validation', public: INVALID, operator: 'The token was revoked, for good.' },
  suspended: { status: 401, step: 'validation', public: INVALID, operator: 'The workspace of the token is suspended.' },
  disabled: {
    status: 401,
    step: 'validation',
    public: INVALID,
    operator: 'The token is disabled; it can be enabled again.',
  },
  owner_disabled: { status: 401, step: 'validation', public: INVALID, operator: 'The owner of the token is disabled.' },
  rotated: {
    status: 401,
    step: 'validation',
    public: INVALID,
    operator: 'This secret was replaced and its grace period is over.',
  },
  expired: { status: 401, step: 'validation', public: INVALID, operator: 'The token is past its expiry.' },
  not_yet_valid: {
    status: 401,
    step: 'validation',
    public: INVALID,
    operator: 'The token may not be used before its start.',
  },
  wrong_audience: { status: 401, step: 'validation', public: INVALID, operator: 'The token is for another API.' },
  wrong_environment: {
    status: 401,
    step: 'validation',
    public: INVALID,
    operator: 'A live token where a test one is required, or the reverse.',
  },
  signature_invalid: {
    status: 401,
    step: 'validation',
    public: INVALID,
    operator: 'The signature of the token does not verify.',
  },
  proof_required: {
    status: 401,
    step: 'validation',
    public: 'Proof of possession is required.',
    operator:
      'The token is bound to a key and no proof came with it, or the route requires a bound token or a client certificate.',
  },
  proof_invalid: {
    status: 401,
    step: 'validation',
    public: 'The proof of possession is not valid.',
    operator: 'The proof does not fit the key, the request or the time.',
  },
  replayed: {
    status: 401,
    step: 'validation',
    public: 'The proof of possession was used before.',
    operator: 'A proof is single-use and this one was seen before.',
  },
  insufficient_scope: {
    status: 403,
    step: 'authorization',
    public: 'The token lacks a required scope.',
    operator: 'A required scope was not granted to this token.',
  },
  ip_denied: {
    status: 403,
    step: 'policy',
    public: 'Requests from this address are not allowed.',
    operator:
      'An address rule of the token, a role or the route refuses the client address, or the address is unknown.',
  },
  policy_denied: {
    status: 403,
    step: 'policy',
    public: 'The request is not allowed by policy.',
    operator: 'The route admits other kinds of token or other roles only.',
  },
  rate_limited: {
    status: 429,
    step: 'policy',
    public: 'Too many requests.',
    operator: 'A rate limit of the token or the route is used up, or an address presented too many failed credentials.',
  },
  quota_exceeded: {
    status: 429,
    step: 'policy',
    public: 'The quota is used up.',
    operator: 'The quota of the day or month is used up.',
  },
  duplicate_credentials: {
    status: 400,
    step: 'presence',
    public: 'Exactly one credential may be presented.',
    operator: 'Two credentials in one request: which one was meant cannot be known.',
  },
  fault: {
    status: 503,
    step: 'validation',
    public: 'The decision could not be made.',
    operator: 'Something the decision needs did not answer. Faults deny.',
  },
} as const satisfies Record<string, DenialMeaning>;

/** One reason for a refusal. Stable: codes are the contract, texts are not. */
export type DenialCode = keyof typeof table;

/** Every denial code with its meaning. Where several apply to a request, the first in this order is told. */
export const denials: Readonly<Record<DenialCode, DenialMeaning>> = table;

/** Every denial code, in the order of precedence. */
export const denialCodes = Object.keys(table) as readonly DenialCode[];

/** When a token ends: what was asked, within what its api, the platform and its minter allow. */
import type { Api, Token } from '../model.ts';
import { invalid } from '../refusal.ts';

export interface ExpiryPolicy {
  /** Seconds; for tokens that ask for no expiry and whose api names none. */
  readonly defaultExpirySeconds: number;
  /** Seconds; longest life of any token. Undefined: no bound but the api's. */
  readonly maxExpirySeconds: number | undefined;
  /** Whether a token may live for ever when `never` is asked for by name. */
  readonly allowNoExpiry: boolean;
}

export interface ExpiryWish {
  readonly expiresIn?: number | string | undefined;
  readonly expiresAt?: string | undefined;
}

/**
 * Milliseconds since the epoch, or null for never. A default is clipped to what is allowed; what was asked for and is not
 * allowed is refused. `ceiling` is the end of the minting token, where the api is the management api.
 */
export function expiryOf(
  wish: ExpiryWish,
  rules: {
    readonly api: Api;
    readonly kind: Token['kind'];
    readonly format: Token['format'];
    readonly policy: ExpiryPolicy;
    readonly now: number;
    readonly ceiling: number | undefined;
  },
): number | null {
  const { api, format, now, policy, ceiling } = rules;
  const asked = askedExpiry(wish, now);
  if (asked === undefined) {
    const usual = api.defaultExpirySeconds ?? policy.defaultExpirySeconds;
    const life = Math.min(format === 'jwt' ? SIGNED_SECONDS : usual, longestLife(api, policy));
    return Math.min(now + life * 1000, ceiling ?? Number.POSITIVE_INFINITY);
  }
  const pointer = wish.expiresAt === undefined ? '/expiresIn' : '/expiresAt';
  checkExpiry(asked, { ...rules, pointer });
  return asked;
}

/** Throws `invalid_input` where a token of this api and kind may not end then. */
export function checkExpiry(
  expiresAt: number | null,
  rules: {
    readonly api: Api;
    readonly kind: Token['kind'];
    readonly format: Token['format'];
    readonly policy: ExpiryPolicy;
    readonly now: number;
    readonly pointer: string;
  },
): void {
  const { api, kind, format, policy, now, pointer } = rules;
  if (expiresAt === null) {
    if (format === 'jwt') throw invalid(pointer, 'a signed token must expire', 'expiry_required');
    if (kind === 'personal_access_token')
      throw invalid(pointer, 'a personal access token must expire', 'expiry_required');
    if (!policy.allowNoExpiry || Number.isFinite(longestLife(api, policy))) {
      throw invalid(pointer, 'policy requires an expiry', 'expiry_required');
    }
    return;
  }
  if (expiresAt <= now) throw invalid(pointer, 'must be in the future', 'in_the_past');
  const longest = longestLife(api, policy);
  if (expiresAt > now + longest * 1000) throw invalid(pointer, `policy allows at most ${longest} seconds`, 'too_long');
}

/** Others may believe a signed token without asking anybody: it lives for ten minutes where nothing else is asked. */
const SIGNED_SECONDS = 600;

/** Seconds; infinite where neither the api nor the platform sets a bound. */
function longestLife(api: Api, policy: ExpiryPolicy): number {
  return Math.min(
    api.maximumExpirySeconds ?? Number.POSITIVE_INFINITY,
    policy.maxExpirySeconds ?? Number.POSITIVE_INFINITY,
  );
}

function askedExpiry({ expiresIn, expiresAt }: ExpiryWish, now: number): number | null | undefined {
  if (expiresAt !== undefined) return Date.parse(expiresAt);
  if (expiresIn === undefined) return undefined;
  if (expiresIn === 'never') return null;
  const seconds = typeof expiresIn === 'number' ? expiresIn : parseDuration(expiresIn);
  if (seconds === undefined || seconds < 1 || seconds > MAX_SECONDS)
    throw invalid('/expiresIn', 'must be 1 second to 10 years', 'out_of_range');
  return now + seconds * 1000;
}

const MAX_SECONDS = 315_360_000;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds of `30d`, `12h`, or an ISO 8601 duration of days and smaller like `P1DT12H`; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const short = /^([1-9][0-9]{0,9})([smhdw])$/.exec(text);
  if (short !== null) return Number(short[1]) * (UNITS[short[2] ?? ''] ?? Number.NaN);
  const iso = /^P(?:([0-9]{1,5})D)?(?:T(?:([0-9]{1,5})H)?(?:([0-9]{1,5})M)?(?:([0-9]{1,9})S)?)?$/.exec(text);
  if (iso === null || text.endsWith('P') || text.endsWith('T')) return undefined;
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = iso;
  return Number(days) * 86_400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

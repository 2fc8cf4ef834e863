/** Times of claims: as people read them, and what is wrong with them. */
import { type Finding, finding } from './findings.ts';
import type { Members } from './read-json.ts';
import { quoted } from './shown.ts';

export interface Moment {
  /** Seconds since 1970, as the claim has it. */
  readonly seconds: number;
  /** RFC 3339; null where no calendar has it. */
  readonly time: string | null;
  /** Such as `in 9 minutes`, `2 hours ago`. */
  readonly words: string;
}

export interface Times {
  readonly issued: Moment | null;
  readonly notBefore: Moment | null;
  readonly expires: Moment | null;
  /** From being issued to its end, in seconds. */
  readonly lifetimeSeconds: number | null;
  /** Since it was issued; negative: it will be. */
  readonly ageSeconds: number | null;
  /** Until its end; negative: since. */
  readonly leftSeconds: number | null;
}

/** Clocks of different machines may differ by this much; what RFC 7519 section 4.1.4 calls leeway. */
const SKEW_SECONDS = 60;
const DAY_SECONDS = 86_400;
/** In the year 5138: no token means that, and as milliseconds it is 1973. */
const FIRST_MILLISECONDS = 1e11;

const UNITS = [
  ['year', 31_557_600],
  ['day', DAY_SECONDS],
  ['hour', 3600],
  ['minute', 60],
] as const;

/** `now` in milliseconds since 1970. */
export function timesOf(claims: Members, now: number): Times {
  const nowSeconds = Math.floor(now / 1000);
  const [iat, nbf, exp] = [claims.iat, claims.nbf, claims.exp].map((value) => (isNumber(value) ? value : null));
  const moment = (seconds: number | null | undefined): Moment | null =>
    seconds === null || seconds === undefined
      ? null
      : { seconds, time: rfc3339(seconds), words: distance(seconds - nowSeconds) };
  return {
    issued: moment(iat),
    notBefore: moment(nbf),
    expires: moment(exp),
    lifetimeSeconds: iat == null || exp == null ? null : exp - iat,
    ageSeconds: iat == null ? null : nowSeconds - iat,
    leftSeconds: exp == null ? null : exp - nowSeconds,
  };
}

/** What is wrong with `exp`, `nbf` and `iat`. */
export function timeFindings(claims: Members, now: number): Finding[] {
  const found: Finding[] = [];
  for (const at of ['iat', 'nbf', 'exp'] as const) {
    const value = claims[at];
    if (value === undefined) continue;
    if (!isNumber(value)) found.push(finding('time_not_a_number', { at, detail: quoted(value) }));
    else if (!Number.isSafeInteger(value) || value < 0) found.push(finding('time_not_whole', { at }));
    else if (value >= FIRST_MILLISECONDS) found.push(finding('time_in_milliseconds', { at, detail: String(value) }));
  }
  const { issued, notBefore, expires, lifetimeSeconds, leftSeconds } = timesOf(claims, now);
  // RFC 7519 section 4.1.4: on or after that time it must not be accepted.
  if (expires !== null && leftSeconds !== null && leftSeconds <= 0)
    found.push(finding('expired', { at: 'exp', detail: expires.words }));
  const start = Math.max(issued?.seconds ?? 0, notBefore?.seconds ?? 0);
  const ahead = start - Math.floor(now / 1000);
  const at = start === notBefore?.seconds ? 'nbf' : 'iat';
  if (ahead > SKEW_SECONDS) found.push(finding('not_yet_valid', { at, detail: distance(ahead) }));
  else if (ahead > 0) found.push(finding('clock_skew', { at, detail: distance(ahead) }));
  if (lifetimeSeconds !== null && lifetimeSeconds <= 0) found.push(finding('expires_before_issue', { at: 'exp' }));
  if (lifetimeSeconds !== null && lifetimeSeconds > DAY_SECONDS)
    found.push(finding('long_lived', { at: 'exp', detail: duration(lifetimeSeconds) }));
  return found;
}

/** Such as `10 minutes`, `1 day`: the largest unit that it has one of, and the next where the first is small. */
export function duration(seconds: number): string {
  const whole = Math.floor(Math.abs(seconds));
  const at = UNITS.findIndex(([, size]) => whole >= size);
  const unit = UNITS[at];
  if (unit === undefined) return counted(whole, 'second');
  const [name, size] = unit;
  const count = Math.floor(whole / size);
  const [smaller, smallerSize] = UNITS[at + 1] ?? ['second', 1];
  const rest = Math.floor((whole - count * size) / smallerSize);
  return count > 2 || rest === 0 ? counted(count, name) : `${counted(count, name)} ${counted(rest, smaller)}`;
}

function distance(seconds: number): string {
  if (seconds === 0) return 'now';
  return seconds > 0 ? `in ${duration(seconds)}` : `${duration(seconds)} ago`;
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

function rfc3339(seconds: number): string | null {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace('.000Z', 'Z');
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

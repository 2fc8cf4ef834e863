/** Durations as people write them (`30d`, `PT1H`, `3600`), in seconds, and the moment a token expires. */
import { InvalidArgumentError } from 'commander';

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const SHORT = /^([0-9]{1,10})([smhdw]?)$/;
const ISO_8601 = /^P(?=.)(?:([0-9]{1,5})D)?(?:T(?=.)(?:([0-9]{1,5})H)?(?:([0-9]{1,5})M)?(?:([0-9]{1,9})S)?)?$/;
const DATE =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?$/;

/** Seconds. @throws InvalidArgumentError */
export function parseDuration(text: string): number {
  const seconds = readDuration(text);
  if (seconds === undefined)
    throw new InvalidArgumentError('Give seconds or a duration such as 90s, 15m, 12h, 30d, 4w.');
  return seconds;
}

export type Expiry =
  | { readonly kind: 'never' }
  | { readonly kind: 'in'; readonly seconds: number }
  | { readonly kind: 'at'; readonly time: string };

/** A duration from now, a moment, or `never`. @throws InvalidArgumentError */
export function parseExpiry(text: string): Expiry {
  if (text === 'never') return { kind: 'never' };
  const seconds = readDuration(text);
  if (seconds !== undefined && seconds > 0) return { kind: 'in', seconds };
  const time = readTime(text);
  if (time !== undefined) return { kind: 'at', time };
  throw new InvalidArgumentError('Give a duration such as 30d, a date such as 2030-01-31, or never.');
}

/** A moment, RFC 3339; a date alone means its first moment in UTC. @throws InvalidArgumentError */
export function parseTime(text: string): string {
  const time = readTime(text);
  if (time === undefined) throw new InvalidArgumentError('Give a date such as 2030-01-31 or 2030-01-31T12:00:00Z.');
  return time;
}

/** The moment that an expiry means, RFC 3339; null: never. */
export function expiryTime(expiry: Expiry, now: number): string | null {
  switch (expiry.kind) {
    case 'never':
      return null;
    case 'in':
      return new Date(now + expiry.seconds * 1000).toISOString();
    case 'at':
      return expiry.time;
  }
}

function readDuration(text: string): number | undefined {
  const short = SHORT.exec(text);
  if (short !== null) return Number(short[1]) * (UNIT_SECONDS[short[2] ?? ''] ?? 1);
  const iso = ISO_8601.exec(text);
  if (iso === null) return undefined;
  const [days, hours, minutes, seconds] = iso.slice(1).map((part) => Number(part ?? 0));
  return (days ?? 0) * 86_400 + (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0);
}

function readTime(text: string): string | undefined {
  if (!DATE.test(text)) return undefined;
  const milliseconds = Date.parse(text);
  // A day that no month has would be taken for one of the next month.
  if (Number.isNaN(milliseconds) || !isCalendarDay(text.slice(0, 10))) return undefined;
  return new Date(milliseconds).toISOString();
}

function isCalendarDay(date: string): boolean {
  const milliseconds = Date.parse(date);
  return !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString().startsWith(date);
}

/** Durations, as people write them in files: seconds, `90d`, or ISO 8601 such as `PT1H`. */
import { z } from 'zod';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

const SIMPLE = /^(\d{1,10})([smhdw]?)$/;
/** ISO 8601 section 5.5.2.2, without years and months, whose lengths differ. */
const ISO =
  /^P(?=.)(?:(?<w>\d{1,10})W|(?:(?<d>\d{1,10})D)?(?:T(?=.)(?:(?<h>\d{1,10})H)?(?:(?<m>\d{1,10})M)?(?:(?<s>\d{1,10})S)?)?)$/;

const WRITTEN = new RegExp(`${SIMPLE.source}|${ISO.source}`);

/** A duration of `min` to `max` seconds; the value is in seconds. */
export function duration(min: number, max: number) {
  const message = `must be a duration from ${min} to ${max} seconds, such as 30, "15m", "90d" or "PT1H"`;
  const inSeconds = z.int(message).min(min, message).max(max, message);
  return z
    .union([inSeconds, z.string().regex(WRITTEN, message)], message)
    .transform((value) => (typeof value === 'number' ? value : secondsOf(value)))
    .pipe(inSeconds);
}

/** Seconds of a duration text; NaN where it is none. */
function secondsOf(text: string): number {
  const [, count, unit] = SIMPLE.exec(text) ?? [];
  if (count !== undefined) return Number(count) * SECONDS[unitOf(unit)];
  const iso = ISO.exec(text)?.groups;
  if (iso === undefined) return Number.NaN;
  return (['w', 'd', 'h', 'm', 's'] as const).reduce((sum, unit) => sum + Number(iso[unit] ?? 0) * SECONDS[unit], 0);
}

function unitOf(text: string | undefined): keyof typeof SECONDS {
  return text === 'm' || text === 'h' || text === 'd' || text === 'w' ? text : 's';
}

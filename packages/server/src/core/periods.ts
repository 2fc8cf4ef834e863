/** Calendar days and months of UTC: in what quotas and credits are counted. */

export type PeriodLength = 'day' | 'month';

export interface Period {
  /** `2026-11-22` or `2026-11`: of one length, later periods have greater keys. */
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** The period that a time is in; times are milliseconds since the epoch. */
export function periodAt(length: PeriodLength, now: number): Period {
  const at = new Date(now);
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  const date = at.toISOString();
  return length === 'day'
    ? { key: date.slice(0, 10), start: Date.UTC(year, month, day), end: Date.UTC(year, month, day + 1) }
    : { key: date.slice(0, 7), start: Date.UTC(year, month), end: Date.UTC(year, month + 1) };
}

/** How a budget stands that is filled up with each calendar period, or never. */
import type { LimitState } from '@tessera/verify';
import { type PeriodLength, periodAt } from '../core/periods.ts';

export interface Budget {
  readonly name: string;
  readonly limit: number;
  readonly remaining: number;
  /** Undefined: nothing fills it up by itself. */
  readonly period: PeriodLength | undefined;
  readonly admitted: boolean;
}

/** When somebody adds to it nobody knows: a day is when it is worth to look again. */
const NEVER_SECONDS = 86_400;

/** @param now milliseconds since the epoch */
export function periodState({ name, limit, remaining, period, admitted }: Budget, now: number): LimitState {
  const { start, end } = period === undefined ? { start: now, end: now } : periodAt(period, now);
  const resetSeconds = period === undefined ? NEVER_SECONDS : Math.ceil((end - now) / 1000);
  return {
    name,
    limit,
    windowSeconds: (end - start) / 1000,
    remaining,
    resetSeconds,
    retryAfterSeconds: admitted ? 0 : resetSeconds,
  };
}

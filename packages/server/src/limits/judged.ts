/** What a limiter found of one rule of a request, and how it tells of it. */
import type { LimitRule, LimitState } from '@tessera/verify';
import { type Counter, stateOf } from './gcra.ts';

export interface Judged {
  readonly rule: LimitRule;
  /** Settled, and spent from where the request passes. */
  readonly counter: Counter;
  readonly spent: number;
  /** Refused for want of room, not by its counter. */
  readonly crowded: boolean;
  readonly admitted: boolean;
}

export function stateAfter({ rule, counter, spent, crowded, admitted }: Judged): LimitState {
  const state = stateOf(counter, rule, admitted ? undefined : spent);
  return crowded ? { ...state, remaining: 0 } : state;
}

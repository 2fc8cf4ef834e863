/** Finds in a history whatever a limit does not permit. */
import type { Findings, Violation } from './check.ts';
import type { Call, History, Limit, Stretch } from './history.ts';

/** What counts has a clock of its own, in whole milliseconds, which may be corrected meanwhile. */
const CLOCKS_MS = 10;

/**
 * At most one `over limit` a token: the call that is the furthest beyond. Each call was counted at some moment between its
 * start and its end, so that those which lie in a stretch of time as a whole were all counted in it.
 *
 * Whatever went wrong, a limit permits that much in any stretch, and one burst more for each time in it that what counts had
 * forgotten all. Nodes that count by themselves meanwhile (`local`) have counters beside it, which together permit as much again.
 */
export function checkLimits({ calls, limits, forgotten }: Pick<History, 'calls' | 'limits' | 'forgotten'>): {
  readonly violations: readonly Violation[];
  readonly judged: Pick<Findings['judged'], 'counted' | 'limited'>;
} {
  const violations: Violation[] = [];
  const judged = { counted: 0, limited: 0 };
  const byToken = Map.groupBy(calls, ({ token }) => token);
  for (const limit of limits) {
    const those = byToken.get(limit.token) ?? [];
    const counted = those.filter(({ outcome }) => outcome === 'allowed');
    judged.counted += counted.length;
    judged.limited += those.filter(({ outcome }) => outcome === 'limited').length;
    if (limit.onFault !== 'open')
      for (const call of those)
        if (call.outcome === 'uncounted') violations.push({ rule: 'uncounted', call, byMs: Infinity });
    const worst = furthestBeyond(counted, limit, forgotten);
    if (worst !== undefined) violations.push(worst);
  }
  return { violations, judged };
}

function furthestBeyond(
  calls: readonly Call[],
  { limit, windowMs, burst, onFault }: Limit,
  forgotten: readonly Stretch[],
): Violation | undefined {
  const counters = onFault === 'local' ? 2 : 1;
  const perMs = (counters * limit) / windowMs;
  const byEnd = calls.toSorted((a, b) => a.end - b.end);
  let worst: Violation | undefined;
  for (const { start } of calls) {
    const within = byEnd.filter((call) => call.start >= start);
    for (const [index, call] of within.entries()) {
      const anew = forgotten.filter(({ from, to }) => from < call.end && to > start).length;
      const beyond = index + 1 - (counters + anew) * burst;
      const byMs = beyond / perMs - (call.end - start + CLOCKS_MS);
      if (byMs > (worst?.byMs ?? 0)) worst = { rule: 'over limit', call, byMs };
    }
  }
  return worst;
}

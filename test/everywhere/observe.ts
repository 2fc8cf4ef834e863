/** A run: everybody asks and revokes before, during and after a fault, and what was seen is checked. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { until } from '../support/until.ts';
import { check, excerpt, type Findings } from './check.ts';
import { type History, isAllow, newHistory, now, type Stretch } from './history.ts';
import { mintLimited } from './minting.ts';
import { askLogged, type Place, placesOf, startCallers } from './places.ts';
import type { Platform } from './platform.ts';
import { random } from './random.ts';
import { startRevoker } from './revoker.ts';
import { tokenPool } from './token-pool.ts';

/** The promise, and the default of `stalenessSeconds`. */
export const BOUND_MS = 5000;

/** Calls that each place allows before the fault and after it, at least. */
const SERVED = 8;
/** Calls that a rule of the checker applied to, at least. */
const FLOOR = 20;
/** Revocations that are acknowledged before the fault, at least. */
const REVOKED_BEFORE = 10;
/** Within which each place serves again after a fault. */
const RECOVERY_MS = 20_000;
const HEALTHY_MS = 30_000;
/** Within which what a test is about is seen, on a busy machine, too. */
const SEEN_MS = 60_000;

/** What happens in the middle of a run, and is written down where the checker must know. */
export interface Fault {
  begin?(history: History): unknown;
  /** For so many milliseconds, or until that is done. */
  readonly lasts: number | ((history: History) => Promise<unknown>);
  /** What the test is about and was not seen yet, in this stretch of the fault: it lasts until that is nothing. */
  unseen?(history: History, fault: Stretch): readonly string[];
  end?(): unknown;
}

export interface Observed extends Findings {
  readonly history: History;
  /** The stretch of time all of which the fault was there. */
  readonly fault: Stretch;
}

/** With Redis there are limits, too: some tokens have one that is never reached, and some that is used up all the time. */
export async function observe({ nodes, verifiers, redis }: Platform, fault: Fault): Promise<Observed> {
  const chance = random();
  const history = newHistory();
  const { calls, revocations } = history;
  const withLimits = redis !== undefined;
  const pool = tokenPool(chance, withLimits ? await mintLimited(chance.of(nodes), history.limits) : []);
  const places = placesOf({ nodes, verifiers });
  const revoker = await startRevoker({ nodes, pool, random: chance, history, withLimits });
  const callers = startCallers(places, pool, calls);
  let during: Observed['fault'];
  let recoveredMs: number;
  try {
    await untilServed(places, history, { since: now(), withinMs: HEALTHY_MS });
    await until(
      async () => revocations.filter(({ acknowledged }) => acknowledged !== undefined).length,
      (count) => count >= REVOKED_BEFORE,
      HEALTHY_MS,
    );
    during = await happening(fault, history);
    const over = now();
    await untilServed(places, history, { since: over, withinMs: RECOVERY_MS });
    recoveredMs = now() - over;
  } finally {
    await Promise.all([revoker.stop(), callers.stop()]);
  }
  // Nobody takes it back: every place is asked once more for each.
  for (const place of places) for (const token of pool.ending) await askLogged(place, token, calls);
  const findings = check(history, { boundMs: BOUND_MS });
  report({ seed: chance.seed, recoveredMs, history, findings });
  return { ...findings, history, fault: during };
}

async function happening({ begin, lasts, unseen, end }: Fault, history: History): Promise<Stretch> {
  await begin?.(history);
  const from = now();
  try {
    await (typeof lasts === 'number' ? delay(lasts) : lasts(history));
    const missing = async (): Promise<readonly string[]> => unseen?.(history, { from, to: now() }) ?? [];
    await until(missing, (left) => left.length === 0, SEEN_MS);
    return { from, to: now() };
  } finally {
    // Also where something failed: whoever stands still would keep the others from ending.
    await end?.();
  }
}

/** Zero allows that came too late or were too many, and enough calls that a rule applied to for that to mean something. */
export function expectNoStaleAllow({ violations, judged, history, fault }: Observed): void {
  expect(violations.length, excerpt(history, violations)).toBe(0);
  expect(judged.here).toBeGreaterThan(FLOOR);
  if (fault.to - fault.from > BOUND_MS) expect(judged.everywhere).toBeGreaterThan(FLOOR);
}

/** It judged from memory until the bound, and when that was over, not at all. */
export function expectBounded({ history, fault: { from, to } }: Observed, judge: string): void {
  expect(allowsOf(history, judge, [from, from + BOUND_MS])).toBeGreaterThan(0);
  expect(allowsOf(history, judge, [from + BOUND_MS, to])).toBe(0);
}

/** Calls that this judge allowed and that began and ended in this stretch of time. */
export function allowsOf({ calls }: History, judge: string, [from, to]: readonly [number, number]): number {
  return calls.filter((call) => call.judge === judge && isAllow(call) && call.start >= from && call.end < to).length;
}

interface Served {
  readonly since: number;
  readonly withinMs: number;
}

async function untilServed(places: readonly Place[], { calls }: History, { since, withinMs }: Served): Promise<void> {
  const missing = async (): Promise<readonly string[]> =>
    places
      .filter(
        ({ judge, door }) =>
          calls.filter((call) => call.judge === judge && call.door === door && isAllow(call) && call.start > since)
            .length < SERVED,
      )
      .map(({ judge, door }) => `${judge}, ${door}`);
  await until(missing, (left) => left.length === 0, withinMs);
}

interface Report {
  readonly seed: number;
  readonly recoveredMs: number;
  readonly history: History;
  readonly findings: Findings;
}

function report({ seed, recoveredMs, history: { calls, revocations }, findings }: Report): void {
  const { violations, judged, longestMs } = findings;
  const count = Object.groupBy(calls, ({ outcome }) => outcome);
  const outcomes = Object.entries(count).map(([outcome, of]) => `${of.length} ${outcome}`);
  const acknowledged = revocations.filter((revocation) => revocation.acknowledged !== undefined).length;
  console.log(
    `${expect.getState().currentTestName} (seed ${seed}): ${calls.length} calls (${outcomes.join(', ')}), ` +
      `${acknowledged} of ${revocations.length} revocations acknowledged, ` +
      `${judged.here} calls judged here and ${judged.everywhere} everywhere, ` +
      `${judged.counted} counted by limits and ${judged.limited} refused for them, ` +
      `the last allow ${longestMs.toFixed(0)} ms after an acknowledgement, ` +
      `served again ${recoveredMs.toFixed(0)} ms after the fault, ${violations.length} violations`,
  );
}

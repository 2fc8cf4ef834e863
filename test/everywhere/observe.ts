/** A run: everybody asks and revokes before, during and after a fault, and what was seen is checked. */
import { expect } from 'vitest';
import { until } from '../support/until.ts';
import { check, excerpt, type Findings } from './check.ts';
import { type History, now } from './history.ts';
import { askLogged, type Place, placesOf, startCallers } from './places.ts';
import type { Platform } from './platform.ts';
import { random } from './random.ts';
import { startRevoker } from './revoker.ts';
import { tokenPool } from './token-pool.ts';

/** The promise, and the default of `stalenessSeconds`. */
export const BOUND_MS = 5000;

/** Calls that each place allows before the fault and after it, at least. */
const FLOOR = 40;
/** Revocations that are acknowledged before the fault, at least. */
const REVOKED_BEFORE = 10;
/** Within which each place serves again after a fault. */
const RECOVERY_MS = 20_000;
const HEALTHY_MS = 30_000;

export interface Observed extends Findings {
  readonly history: History;
  /** When the fault began and ended. */
  readonly fault: { readonly from: number; readonly to: number };
}

/** @param fault resolves when it is over; absent, the run is a healthy one of `BOUND_MS` and more */
export async function observe({ nodes }: Platform, fault: () => Promise<void>): Promise<Observed> {
  const chance = random();
  const pool = tokenPool(chance);
  const history: History = { calls: [], revocations: [] };
  const { calls, revocations } = history;
  const places = placesOf(nodes);
  const revoker = await startRevoker({ nodes, pool, random: chance, log: revocations });
  const callers = startCallers(places, pool, calls);
  const began = now();
  await untilServed(places, history, { since: began, withinMs: HEALTHY_MS });
  await until(
    async () => revocations.filter(({ acknowledged }) => acknowledged !== undefined).length,
    (count) => count >= REVOKED_BEFORE,
    HEALTHY_MS,
  );
  const from = now();
  await fault();
  const to = now();
  await untilServed(places, history, { since: to, withinMs: RECOVERY_MS });
  const recoveredMs = now() - to;
  await revoker.stop();
  await callers.stop();
  // Nobody takes it back: every place is asked once more for each.
  for (const place of places) for (const token of pool.ending) await askLogged(place, token, calls);
  const findings = check(history, { boundMs: BOUND_MS });
  report({ seed: chance.seed, recoveredMs, history, findings });
  return { ...findings, history, fault: { from, to } };
}

/** Zero allows that came too late, and enough calls that a rule applied to for that to mean something. */
export function expectNoStaleAllow({ violations, judged, history }: Observed): void {
  expect(violations.length, excerpt(history, violations)).toBe(0);
  expect(judged.here).toBeGreaterThan(FLOOR);
  expect(judged.everywhere).toBeGreaterThan(FLOOR);
}

/** Calls that this judge allowed and that began in this stretch of time. */
export function allowsOf({ calls }: History, judge: string, [from, to]: readonly [number, number]): number {
  return calls.filter(
    (call) => call.judge === judge && call.outcome === 'allowed' && call.start >= from && call.start < to,
  ).length;
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
          calls.filter(
            (call) => call.judge === judge && call.door === door && call.outcome === 'allowed' && call.start > since,
          ).length < FLOOR,
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
      `the last allow ${longestMs.toFixed(0)} ms after an acknowledgement, ` +
      `served again ${recoveredMs.toFixed(0)} ms after the fault, ${violations.length} violations`,
  );
}

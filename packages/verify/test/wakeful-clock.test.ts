/** Whatever pauses and whoever sets the clock: what must end in time ends no later. */
import { expect, test } from 'vitest';
import { onceARun, wakefulClock } from '../src/wakeful-clock.ts';

function clocks() {
  const time = { monotonic: 1000, wall: 5_000_000 };
  const now = wakefulClock({ monotonic: () => time.monotonic, wall: () => time.wall });
  /** Lets so much pass on each. */
  const pass = (monotonic: number, wall = monotonic): number => {
    const before = now();
    time.monotonic += monotonic;
    time.wall += wall;
    return now() - before;
  };
  return { now, pass };
}

test('it goes as the monotonic clock does', () => {
  const { pass } = clocks();
  expect([pass(10), pass(60_000), pass(0)]).toEqual([10, 60_000, 0]);
});

test('a stop that the monotonic clock counted is counted once', () => {
  expect(clocks().pass(60_000, 60_000)).toBe(60_000);
});

test('a sleep that only the wall clock counted has passed', () => {
  const { pass } = clocks();
  expect(pass(5, 60_005)).toBe(60_005);
  expect(pass(10)).toBe(10);
});

test('a wall clock that is set back stops nothing, and its way forward again only hastens', () => {
  const { pass } = clocks();
  expect(pass(10, -3_600_000)).toBe(10);
  expect(pass(10)).toBe(10);
  expect(pass(10, 3_600_010)).toBe(3_600_010);
});

test('grain and slow correction of the wall clock do not add up', () => {
  const { now, pass } = clocks();
  const before = now();
  for (let turn = 0; turn < 10_000; turn += 1) pass(0.5, turn % 2);
  expect(now() - before).toBe(5000);
  // 500 parts in a million, as NTP corrects at most: 50 s in a day, each counted once.
  for (let second = 0; second < 86_400; second += 1) pass(1000, 1000.5);
  expect(now() - before - 5000).toBeGreaterThanOrEqual(86_400_000);
  expect(now() - before - 5000).toBeLessThanOrEqual(86_400_000 * 1.0005 + 1);
});

test('where it looks once a synchronous run, the next run finds the sleep', async () => {
  const time = { monotonic: 0, wall: 0 };
  const now = wakefulClock({ monotonic: () => time.monotonic, wall: () => time.wall, looks: onceARun() });
  expect(now()).toBe(0);
  time.wall += 60_000;
  time.monotonic += 5;
  expect(now()).toBe(5);
  await Promise.resolve();
  expect(now()).toBe(60_000);
});

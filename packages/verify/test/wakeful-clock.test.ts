/** Whatever pauses and whoever sets the clock: what must end in time ends no later. */
import { describe, expect, test } from 'vitest';
import { verdictClocks, wakefulClock } from '../src/wakeful-clock.ts';

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

describe('the clocks of verdicts', () => {
  const start = { monotonic: 7.25, wall: 1000 };
  const both = (time: { monotonic: number; wall: number }) => {
    const read = { monotonic: 0, wall: 0 };
    const clocks = verdictClocks({
      monotonic: () => {
        read.monotonic += 1;
        return time.monotonic;
      },
      wall: () => {
        read.wall += 1;
        return time.wall;
      },
    });
    return { read, ...clocks };
  };

  test('look for a sleep once in a synchronous run, and the next run finds it', async () => {
    const time = { ...start };
    const { monotonic } = both(time);
    const before = monotonic();
    time.wall += 60_000;
    time.monotonic += 5;
    expect(monotonic() - before).toBe(5);
    await Promise.resolve();
    expect(monotonic() - before).toBe(60_000);
  });

  test('tell the time of day from the same reading, in whole milliseconds', () => {
    const time = { ...start };
    const { monotonic, wall, read } = both(time);
    monotonic();
    expect(wall()).toBe(1000);
    const wallReadings = read.wall;
    time.monotonic += 2500.5;
    monotonic();
    expect(wall()).toBe(3500);
    expect(read.wall).toBe(wallReadings);
  });

  test('read the time of day anew in each run, however it was set meanwhile', async () => {
    const time = { ...start };
    const { monotonic, wall } = both(time);
    monotonic();
    await Promise.resolve();
    time.wall -= 500;
    // Nothing was read in this run yet.
    expect(wall()).toBe(500);
    monotonic();
    expect(wall()).toBe(500);
    await Promise.resolve();
    time.wall += 86_400_000;
    monotonic();
    expect(wall()).toBe(86_400_500);
  });
});

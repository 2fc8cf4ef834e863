/** A node says how far it has read the feed: soon after each change, at most once a second, and again while nothing changes. */
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { createNodeReports, type NodeReports } from '../../src/core/node-reports.ts';
import type { NodeReport, Store } from '../../src/core/store-port.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

type Report = NodeReport & { readonly liveMs: number };

interface Reporting {
  readonly reports: NodeReports;
  /** `[milliseconds since the start, seq]` of each report that was written. */
  readonly written: [number, number][];
  readonly rows: Map<string, Report>;
  readonly errors: unknown[];
  readonly store: { broken: Error | undefined };
  changeTo(seq: number): void;
}

function aNode(boundMs = 5000): Reporting {
  const start = performance.now();
  const written: [number, number][] = [];
  const rows = new Map<string, Report>();
  const errors: unknown[] = [];
  const listeners = new Set<() => void>();
  const store = { broken: undefined as Error | undefined };
  let position = 7;
  const tx = {
    async putNode(report: Report) {
      written.push([performance.now() - start, report.seq]);
      rows.set(report.id, report);
    },
    async dropNode(id: string) {
      rows.delete(id);
    },
  };
  const writeAside = async <T>(work: (unit: never) => Promise<T>): Promise<T> => {
    if (store.broken !== undefined) throw store.broken;
    return work(tx as never);
  };
  const reports = createNodeReports({
    id: 'node_1',
    store: { writeAside } satisfies Pick<Store, 'writeAside'>,
    feed: {
      position: () => position,
      subscribe: (listener) => {
        const told = (): void => listener('missed');
        listeners.add(told);
        return () => listeners.delete(told);
      },
    },
    monotonic: () => performance.now(),
    boundMs,
    onError: (error) => errors.push(error),
  });
  const changeTo = (seq: number): void => {
    position = seq;
    for (const listener of listeners) listener();
  };
  onTestFinished(() => reports.stop());
  return { reports, written, rows, errors, store, changeTo };
}

test('at the start, soon after a change, at most once a second, and every ten seconds where nothing changes', async () => {
  const { reports, written, changeTo } = aNode();
  reports.start();
  await vi.advanceTimersByTimeAsync(5000);
  changeTo(8);
  changeTo(9);
  await vi.advanceTimersByTimeAsync(500);
  expect(written).toEqual([
    [0, 7],
    [5020, 9],
  ]);
  changeTo(10);
  await vi.advanceTimersByTimeAsync(11_000);
  expect(written.slice(2)).toEqual([
    [6020, 10],
    [16_020, 10],
  ]);
});

test('once a second under changes without end: none puts the report off', async () => {
  const { reports, written, changeTo } = aNode();
  reports.start();
  for (let ms = 0; ms < 3000; ms += 10) {
    changeTo(100 + ms);
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(written.map(([at]) => at)).toEqual([0, 1000, 2000, 3000]);
});

test('again a second after one that failed, and one outage is told once', async () => {
  const { reports, written, errors, store } = aNode();
  store.broken = new Error('away');
  reports.start();
  await vi.advanceTimersByTimeAsync(4500);
  store.broken = undefined;
  await vi.advanceTimersByTimeAsync(1000);
  expect({ written, errors }).toEqual({ written: [[5000, 7]], errors: [new Error('away')] });
});

test.each([
  [5000, 35_000],
  [300_000, 310_000],
])('a node that believes its memory for %i ms counts as alive for %i', async (boundMs, liveMs) => {
  const { reports, rows } = aNode(boundMs);
  reports.start();
  await vi.advanceTimersByTimeAsync(0);
  expect([...rows.values()]).toEqual([{ id: 'node_1', seq: 7, liveMs }]);
});

test('gone when it stops, and nothing is told after', async () => {
  const { reports, rows, written, changeTo } = aNode();
  reports.start();
  changeTo(8);
  await reports.stop();
  changeTo(9);
  await vi.advanceTimersByTimeAsync(60_000);
  expect({ rows: rows.size, written }).toEqual({ rows: 0, written: [[0, 7]] });
});

/** The caller's side of a bench over HTTP: orders load from the one process that makes it, and watches who is busy. */
import type { ClosedOrder, ClosedReport } from '../load/closed-loop.ts';
import type { OpenOrder, OpenReport } from '../load/open-loop.ts';
import { startChild } from './child.ts';
import { cpuSeconds } from './machine.ts';

export interface LoadRun {
  readonly perSecond: number;
  /** Requests that were answered. */
  readonly requests: number;
  /** Share of its core that the server used, NaN where the system does not tell: near 1, the server sets the pace. */
  readonly serverBusy: number;
}

export interface Load {
  /** As fast as they are answered. */
  run(order: ClosedOrder, serverPids: readonly number[]): Promise<LoadRun>;
  /** At a fixed rate. */
  offer(order: OpenOrder): Promise<OpenReport>;
  stop(): Promise<void>;
}

/** Starts the process that makes requests. It takes one order after the other. */
export function startLoad(): Load {
  const child = startChild(new URL('../processes/load.ts', import.meta.url), { core: 'load' });
  /** What the process prepares before it begins to send does not count. */
  const prepare = async (order: ClosedOrder | OpenOrder): Promise<void> => {
    const ready = child.message();
    child.send(order);
    await ready;
  };
  const go = (): Promise<unknown> => {
    const done = child.message();
    child.send({ go: true });
    return done;
  };
  return {
    async run(order, serverPids) {
      await prepare(order);
      const before = cpuSeconds(serverPids);
      const { requests, seconds } = (await go()) as ClosedReport;
      return { perSecond: requests / seconds, requests, serverBusy: (cpuSeconds(serverPids) - before) / seconds };
    },
    async offer(order) {
      await prepare(order);
      return (await go()) as OpenReport;
    },
    stop: child.stop,
  };
}

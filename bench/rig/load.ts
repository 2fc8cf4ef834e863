/** The caller's side of a bench over HTTP: orders load from the one process that makes it, and watches who is busy. */
import type { LoadOrder, LoadReport } from '../processes/load.ts';
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
  run(order: LoadOrder, serverPid: number): Promise<LoadRun>;
  stop(): Promise<void>;
}

/** Starts the process that makes requests. It takes one order after the other. */
export function startLoad(): Load {
  const child = startChild(new URL('../processes/load.ts', import.meta.url), { core: 'load' });
  return {
    async run(order, serverPid) {
      const reported = child.message();
      child.send(order);
      // What the process prepares before it begins to send does not count.
      await reported;
      const before = cpuSeconds(serverPid);
      const done = child.message();
      child.send({ go: true });
      const { requests, seconds } = (await done) as LoadReport;
      return { perSecond: requests / seconds, requests, serverBusy: (cpuSeconds(serverPid) - before) / seconds };
    },
    stop: child.stop,
  };
}

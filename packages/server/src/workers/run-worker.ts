/** One worker: the platform over what it shares with the others; it answers the thread that started it. */
import { type App, startApp } from '../app.ts';
import { deepFreeze } from '../config/load.ts';
import { logOver } from '../observe/log.ts';
import type { Sharing } from '../sharing.ts';
import { startError } from '../start-error.ts';
import { converse, type Port } from './conversation.ts';
import type { OfMain, OfWorker, WorkerStart } from './questions.ts';
import { routedConcurrency } from './routed-concurrency.ts';
import { partsIn } from './shared-memory.ts';

/** A claim, a place or a page that takes longer is not waited for: whoever asked is refused. */
const PATIENCE_MS = 3000;

/** @param onExit calls back when the thread ends, for whatever reason that it still hears of */
export async function runWorker(port: Port, start: WorkerStart, onExit: (last: () => void) => void): Promise<void> {
  const { secrets, version, memory, workers, id } = start;
  const clock = { now: Date.now };
  const config = deepFreeze(start.config);
  const starting = Promise.withResolvers<App>();
  const main = converse<OfMain, OfWorker>(port, {
    snapshot: async () => (await starting.promise).snapshot(),
    apply: async (next) => (await starting.promise).apply(deepFreeze(next)),
    reload: async () => (await starting.promise).reload(),
    stop: async () => (await starting.promise).stop().finally(log.pass),
  });
  // One thread writes for all: lines stay whole, and a slow reader keeps no request waiting.
  const sink = {
    write(lines: string): boolean {
      main.tell('log', lines);
      return true;
    },
    flushSync() {},
  };
  const log = logOver(sink, { level: config.logLevel, secrets });
  onExit(log.pass);
  const sharing: Sharing = {
    workers,
    ...partsIn(memory, { clock, holder: id }),
    // Proofs are claimed in one place, so that one is used once whichever workers see it.
    replays: { claim: (key, untilMs, holder) => main.ask('claim', { key, untilMs, holder }, PATIENCE_MS) },
    concurrency: routedConcurrency(main, PATIENCE_MS),
    exposition: () => main.ask('exposition', undefined, PATIENCE_MS),
  };
  try {
    const app = await startApp({ config, log: log.logger, access: log.access, version, clock, sharing });
    starting.resolve(app);
    main.tell('ready', { ports: app.ports, sample: app.sample });
  } catch (error) {
    // Whoever waits for the start is told in words; nobody else does.
    starting.promise.catch(() => undefined);
    starting.reject(error);
    main.tell('refused', startError(error));
  }
}

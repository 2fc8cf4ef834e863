/** The platform on several cores: this thread prepares and supervises, and each worker is a node of its own on the same ports and store. */
import { memoryReplays } from '@tessera/verify';
import type { AppParts, Started } from '../app.ts';
import type { Config, LoadResult } from '../config/load.ts';
import type { Store } from '../core/store-port.ts';
import { followConfig } from '../follow-config.ts';
import { memoryConcurrency } from '../limits/concurrency.ts';
import type { Log } from '../observe/log.ts';
import { createMetrics } from '../observe/metrics.ts';
import { prepare } from '../prepare.ts';
import { requireFreePorts } from './free-ports.ts';
import { gatheredMetrics } from './gathered-metrics.ts';
import type { OfMain } from './questions.ts';
import { placesOf } from './routed-concurrency.ts';
import { freeAfter, type SharedMemory, sharedMemory } from './shared-memory.ts';
import { supervise } from './supervisor.ts';
import { type Ready, startThread, type Thread } from './thread.ts';

export interface WorkersParts extends Pick<AppParts, 'config' | 'version' | 'clock'> {
  /** Reads the configuration again, for a live reload of the routes. */
  readonly reload: () => LoadResult;
  /** More than one. */
  readonly count: number;
  readonly log: Log;
  /** Texts that no log line may hold. */
  readonly secrets: readonly string[];
  /** Bytes that the process may use. */
  readonly memoryBytes: number;
}

const SCRIPT = new URL('../../bin/tessera-worker.js', import.meta.url);
/** What of a thread that dies is not counted is what it did since. */
const GATHER_MS = 1000;
/** A thread that took so much longer to stop than it may is ended. */
const STOP_SLACK_MS = 10_000;
/** Of the memory, what all heaps together may take: buffers, caches of the store and shared tables need the rest. */
const HEAPS = 0.75;
const LEAST_HEAP_MB = 128;
/** More makes the collection of garbage slow, and is what a thread would get by itself. */
const MOST_HEAP_MB = 4096;

/**
 * Throws as a start of one thread does; nothing stays open then.
 *
 * @param script where a worker begins
 */
export async function startWorkers(parts: WorkersParts, script = SCRIPT): Promise<Started> {
  const { config, clock, count } = parts;
  const { logger } = parts.log;
  const { port, gatewayPort, tlsPort = 0, gatewayTlsPort = 0, metricsPort = 0 } = config;
  await requireFreePorts(config.host, [port, gatewayPort, tlsPort, gatewayTlsPort, metricsPort]);
  const crew = newCrew(parts, script);
  const { store, started } = await prepare({ config, clock, log: logger, metrics: crew.metrics });
  const memory = sharedMemory(await newestChange(store), clock);

  const supervisor = await supervise({
    count,
    start: () => crew.startThread(memory),
    onLost(thread, { error, againInMs }) {
      freeAfter(memory, thread.id);
      crew.gathered.lost(thread);
      logger.error({ err: error, worker: thread.id, againInMs }, 'a worker died; another one takes its place');
    },
  });
  crew.threads = supervisor.threads;
  const gathering = setInterval(() => void crew.gathered.gather(crew.threads()), GATHER_MS);
  gathering.unref();
  const watching = followConfig({ ...parts, log: logger, metrics: crew.metrics }, crew.apply);

  return {
    ...crew.ready(),
    rootToken: started.rootToken,
    reload() {
      watching.reload();
      for (const { conversation } of crew.threads()) conversation.tell('reload', undefined);
    },
    async stop() {
      watching.end();
      clearInterval(gathering);
      const patienceMs = (config.drainSeconds + config.shutdownSeconds) * 1000 + STOP_SLACK_MS;
      await stopAll(supervisor.release(), patienceMs);
    },
  };
}

/** Each worker opens the store for itself: here it is needed no longer. */
async function newestChange(store: Store): Promise<number> {
  try {
    return await store.latestChange();
  } finally {
    await store.close();
  }
}

/** What every worker is started with and asked for, and what is known of all of them. */
function newCrew(parts: WorkersParts, script: URL) {
  const { config, log, clock, version, count, secrets, memoryBytes } = parts;
  let ids = 0;
  let inForce = config;
  let ready: Ready | undefined;
  const metrics = createMetrics({
    version: version.version,
    nodeVersion: version.node,
    stalenessBoundSeconds: config.stalenessSeconds,
    feedLagSeconds: () => 0,
    usageBufferedEvents: () => 0,
    liveCalls: () => 0,
    workers: { running: () => crew.threads().length, restarts: () => Math.max(0, ids - count) },
  });
  const gathered = gatheredMetrics(metrics);
  const replays = memoryReplays({ clock });
  const concurrency = memoryConcurrency();
  const heapMb = Math.floor((memoryBytes * HEAPS) / count / 2 ** 20);
  const resourceLimits = { maxOldGenerationSizeMb: Math.min(MOST_HEAP_MB, Math.max(LEAST_HEAP_MB, heapMb)) };
  const answering = {
    log: log.write,
    claim: ({ key, untilMs, holder }: OfMain['claim']['asks']) => replays.claim(key, untilMs, holder),
    exposition: () => gathered.exposition(crew.threads()),
  };
  const crew = {
    metrics,
    gathered,
    /** Those that serve; none before all do. */
    threads: (): readonly Thread[] => [],
    startThread(memory: SharedMemory): Thread {
      ids += 1;
      const own = shareOf(inForce, { count, ports: ready?.ports });
      const start = { config: own, secrets, version, memory, workers: count, id: ids };
      const places = placesOf(concurrency);
      const thread = startThread({ script, start, resourceLimits, answering: { ...answering, ...places } });
      void thread.gone.then(places.end);
      thread.ready.then(
        (told) => {
          ready ??= told;
        },
        () => undefined,
      );
      return thread;
    },
    ready(): Ready {
      if (ready === undefined) throw new Error('no worker serves yet');
      return ready;
    },
    /** One after the other: what the first one refuses, none takes. */
    async apply(next: Config): Promise<void> {
      const [first, ...others] = crew.threads();
      await first?.conversation.ask('apply', next);
      inForce = next;
      await Promise.all(others.map(({ conversation }) => conversation.ask('apply', next)));
    },
  };
  return crew;
}

/**
 * What one of so many workers makes of the configuration: a share of the connections, and the ports that the system chose for
 * the first one.
 */
function shareOf(config: Config, crew: { readonly count: number; readonly ports: Ready['ports'] | undefined }): Config {
  const { count, ports } = crew;
  const share = { ...config, maxConnections: Math.ceil(config.maxConnections / count) };
  if (ports === undefined) return share;
  return {
    ...share,
    port: ports.platform,
    gatewayPort: ports.gateway,
    tlsPort: ports.platformTls,
    gatewayTlsPort: ports.gatewayTls,
    metricsPort: ports.metrics,
  };
}

async function stopAll(threads: readonly Thread[], patienceMs: number): Promise<void> {
  const stopping = threads.map(({ conversation }) => conversation.ask('stop', undefined, patienceMs));
  const stopped = await Promise.allSettled(stopping);
  await Promise.all(threads.map((thread) => thread.end()));
  const failed = stopped.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

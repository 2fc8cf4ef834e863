/** Everything a verdict needs, built once for all doors: facts in memory that follow the feed, limits, quotas, proofs. */
import { type Clock, type DigestKey, type Limiter, type Ports, type Verdict, wakefulClock } from '@tessera/verify';
import { dpopProofs, ownSigned } from '@tessera/verify/jose';
import type { Config } from './config/load.ts';
import type { Custody } from './core/custody/custody.ts';
import type { DoorCall, FailedCredentials, Recorder } from './core/door-ports.ts';
import { factsCache } from './core/facts-cache.ts';
import { failedCredentials, MOST_SOURCES } from './core/failed-credentials.ts';
import { createFeed, type Feed } from './core/feed.ts';
import { newId } from './core/ids.ts';
import { type LiveCalls, liveCalls } from './core/live-calls.ts';
import { createNodeReports } from './core/node-reports.ts';
import { recorder } from './core/recorder.ts';
import { heldNotices } from './core/signed/held-notices.ts';
import { ringKeys } from './core/signed/ring-keys.ts';
import type { RingSecrets } from './core/signed/ring-secrets.ts';
import type { Store } from './core/store-port.ts';
import { createUsage, type Usage } from './core/usage.ts';
import { createPositions, type Positions } from './core/verifiers/positions.ts';
import { type Counting, startCounting } from './counting.ts';
import { startForeignTokens } from './foreign-tokens.ts';
import { sharedLimiter } from './limits/shared.ts';
import { sharedCounters } from './limits/shared-counters.ts';
import type { AccessLog } from './observe/access-log.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { toldRarely } from './observe/told-rarely.ts';
import type { Sharing } from './sharing.ts';

export interface JudgingParts {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly access: AccessLog | undefined;
  readonly metrics: Metrics;
  readonly sharing?: Sharing;
  readonly custody: Pick<Custody, 'open'>;
  /** Names the installation: the same on all of its nodes, and on no other's. */
  readonly installation: string;
  /** Opens the keys of rings that are no pairs. */
  readonly secrets: RingSecrets;
}

export interface Judging {
  readonly ports: Ports;
  readonly feed: Feed;
  readonly usage: Usage;
  readonly positions: Positions;
  readonly failed: FailedCredentials;
  readonly record: Recorder;
  readonly live: LiveCalls;
  /** Stops following and writes what is counted. */
  stop(): Promise<void>;
}

/** Starts to follow the feed; until it answers, every look-up goes to the store. */
export async function startJudging(parts: JudgingParts): Promise<Judging> {
  const counting = await startCounting(parts);
  try {
    return await judgeWith(counting, parts);
  } catch (error) {
    await counting.stop();
    throw error;
  }
}

async function judgeWith(counting: Counting, parts: JudgingParts): Promise<Judging> {
  const { config, store, clock, log, access, metrics, sharing, secrets } = parts;
  const monotonic = wakefulClock({ monotonic: () => performance.now(), wall: clock.now });
  const warn = (text: string) => toldRarely(monotonic, (failure) => log.warn(failure, text));
  const feed = createFeed({
    store,
    monotonic,
    boundMs: config.stalenessSeconds * 1000,
    news: sharing?.news,
    onError: warn('the change feed cannot be read'),
  });
  const foreign = startForeignTokens({ ...parts, feed });
  const tokens = factsCache({ store, feed, maxTokens: config.cacheTokens, onLookup: metrics.cacheRequest });
  const notices = heldNotices({
    store,
    feed,
    now: clock.now,
    onError: warn('what changed behind signed tokens cannot be read: each is looked up'),
  });
  await tokens.load();
  await feed.start();
  await notices.load();
  const reports = createNodeReports({
    id: newId('node'),
    store,
    feed,
    monotonic,
    boundMs: config.stalenessSeconds * 1000,
    onError: warn('other nodes cannot be told how far this one has read the change feed'),
  });
  reports.start();
  const positions = createPositions({
    store,
    onError: warn('other nodes cannot be told how far verifiers have followed the change feed'),
  });
  const usage = createUsage({
    store: { write: store.writeAside },
    now: clock.now,
    onError: warn('usage is kept in memory: it cannot be written'),
  });
  usage.start();
  // Each such call is counted, and in the access log.
  const onFault = toldRarely(monotonic, (failure) =>
    log.error(failure, 'a verdict was refused because something it needs failed'),
  );
  const ports: Ports = {
    ...counting.ports,
    tokens,
    signed: ownSigned({
      keys: ringKeys({ store, feed, secrets }),
      tokens,
      believes: notices.believes,
      otherwise: foreign.signed,
    }),
    opaque: foreign.opaque,
    clock,
    proofs: dpopProofs({ replays: counting.replays }),
    onFault,
  };
  // Calls through the gateway are the access log. The platform's own are many and counted; its changes are audited.
  const everyCall = log.isLevelEnabled('debug');
  const record = recorder({
    usage,
    counted: metrics.verification,
    took: metrics.verifyDuration,
    shadowed: (door, { policy, code }) => metrics.policies.shadowRefusal(door, policy, code),
    seen(call, verdict) {
      const isAccess = call.door === 'gateway' || call.door === 'forward-auth';
      if (isAccess ? access === undefined : !everyCall) return;
      const { code, principal } = verdict;
      const { door, route, status, request } = call;
      const { requestId, method, path, address } = request ?? {};
      const shadow = shadowText(call, verdict);
      const token = principal?.id;
      const entry = { door, route, requestId, method, path, address, status, verdict: code, shadow, token };
      if (isAccess) access?.(entry);
      else log.debug(entry, 'call');
    },
  });
  const live = liveCalls({
    ports,
    feed,
    boundMs: config.stalenessSeconds * 1000,
    onCut({ code, principal }) {
      metrics.liveCallCut(code);
      log.info({ verdict: code, token: principal?.id }, 'a call was cut: its token may no longer make it');
    },
  });
  return {
    ports,
    feed,
    usage,
    positions,
    record,
    live,
    failed: failedOf({ config, clock, metrics, sharing, known: tokens.has, onFault }),
    async stop() {
      live.stop();
      feed.stop();
      await Promise.all([foreign.stop(), counting.stop(), usage.stop(), reports.stop(), positions.stop()]);
    },
  };
}

/** The refusals that were not made, as `policy:code`; undefined: none. */
function shadowText({ letThrough }: DoorCall, verdict: Verdict): string | undefined {
  if (!verdict.valid) return letThrough === true ? `route:${verdict.code}` : undefined;
  if (verdict.shadowed.length === 0) return undefined;
  return verdict.shadowed.map(({ policy, code }) => `${policy}:${code}`).join(' ');
}

/** Apart from the limiter of tokens: strangers must not crowd out what tokens have used. */
function failedOf(options: {
  readonly config: Config;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly sharing: Sharing | undefined;
  readonly known: (digest: DigestKey) => boolean;
  readonly onFault: (error: unknown) => void;
}): FailedCredentials {
  const { config, clock, metrics, sharing, known, onFault } = options;
  const counter = failedCredentials({
    ...(sharing?.failures ?? { limiter: failureLimiter(clock) }),
    perMinute: config.failedCredentialsPerMinute,
    clock,
    known,
    onFault,
  });
  return {
    blocked(address, credential) {
      const wait = counter.blocked(address, credential);
      if (wait > 0) metrics.failedCredential('blocked');
      return wait;
    },
    failed(address) {
      metrics.failedCredential('counted');
      counter.failed(address);
    },
  };
}

/**
 * In a table of fixed size, though nobody shares it: whoever has many addresses fills it, and objects of so many sources would
 * make a heap grow to several times what they take.
 */
function failureLimiter(clock: Clock): Limiter {
  return sharedLimiter({ clock, counters: sharedCounters({ clock, maxKeys: MOST_SOURCES }), holder: 1 });
}

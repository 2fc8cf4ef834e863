/** The composition root: builds each part once and mounts the doors. Read it first. */
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, trustedProxies } from '@tessera/verify';
import { cursors } from './api/cursor.ts';
import { isOfDataPlane } from './api/data-plane.ts';
import { apiHandler } from './api/handler.ts';
import { inFlight, REMEMBERED_MS } from './api/idempotency.ts';
import { openApiText } from './api/openapi.ts';
import type { Config, LoadResult } from './config/load.ts';
import type { Bootstrapped } from './core/bootstrap.ts';
import type { Custody } from './core/custody/custody.ts';
import { exposures } from './core/exposures.ts';
import { deriveKey } from './core/keys.ts';
import { addressSet } from './core/named-addresses.ts';
import { issuers } from './core/signed/issuer.ts';
import { type RingSecrets, ringSecrets } from './core/signed/ring-secrets.ts';
import { createSigning } from './core/signed/signing.ts';
import type { Store } from './core/store-port.ts';
import { followConfig, NOT_FOLLOWED } from './follow-config.ts';
import { followedNames } from './followed-names.ts';
import { followedRoutes } from './followed-routes.ts';
import { forwardAuthHandler } from './forward-auth/handler.ts';
import { startEcho } from './gateway/echo.ts';
import { gatewayHandler } from './gateway/handler.ts';
import { asksForWebSocket } from './gateway/websocket.ts';
import { edgeOptions } from './http/edge.ts';
import { type Judging, startJudging } from './judging.ts';
import { openListeners, type Ports } from './listeners.ts';
import { metricsDoor, metricsPage } from './metrics-door.ts';
import { oauthEndpoints } from './oauth-endpoints.ts';
import type { AccessLog } from './observe/access-log.ts';
import type { Logger } from './observe/log.ts';
import { createMetrics, type Metrics } from './observe/metrics.ts';
import type { Snapshot } from './observe/snapshot.ts';
import { platformHandler } from './platform.ts';
import { prepare } from './prepare.ts';
import { readiness } from './readiness.ts';
import type { Sharing } from './sharing.ts';
import { type SigningKeys, startSigningKeys } from './signing-keys.ts';

export interface AppParts {
  readonly config: Config;
  /** Reads the configuration again, for a live reload of the routes. Absent: somebody else does, and calls `apply`. */
  readonly reload?: () => LoadResult;
  readonly log: Logger;
  /** A line for each call through a door that guards; undefined: none is written. */
  readonly access: AccessLog | undefined;
  /** Of Tessera and of the runtime, as `/version` tells them. */
  readonly version: { readonly version: string; readonly node: string };
  readonly clock: Clock;
  /** With other workers of this process; absent: there are none. */
  readonly sharing?: Sharing;
}

/** The platform as the process edge sees it, in however many threads. */
export interface Started {
  readonly ports: Ports;
  /** The administrator token that this start made: shown once, by the process edge. */
  readonly rootToken: string | undefined;
  /** Whether the gateway serves the sample route, because nothing is configured. */
  readonly sample: boolean;
  /** As on SIGHUP. */
  reload(): void;
  /** Answers what is under way, writes what is counted, closes everything. */
  stop(): Promise<void>;
}

export interface App extends Started {
  /** Takes another configuration, of which the routes may differ. Throws where they cannot be compiled; what was in force stays. */
  apply(next: Config): void;
  /** What is measured now. */
  snapshot(): Promise<Snapshot>;
}

/** How often answers that are no longer remembered are dropped. */
const SWEEP_MS = 3_600_000;

/** Starts everything, or throws and leaves nothing open. */
export async function startApp(parts: AppParts): Promise<App> {
  const { config, log, clock, version } = parts;
  // The metrics count what the store seals, and show what is built on the store.
  const built: { judging?: Judging; signing?: SigningKeys } = {};
  const metrics = createMetrics({
    version: version.version,
    nodeVersion: version.node,
    stalenessBoundSeconds: config.stalenessSeconds,
    feedLagSeconds: () => (built.judging?.feed.lagMs() ?? Number.NaN) / 1000,
    feedSource: () => built.judging?.feed.source(),
    usageBufferedEvents: () => built.judging?.usage.buffered() ?? 0,
    liveCalls: () => built.judging?.live.count() ?? 0,
  });
  const { store, custody, started } = await prepare({ config, clock, log, metrics });
  try {
    const { defaultWorkspace } = started;
    const secrets = ringSecrets(custody);
    const judging = await startJudging({ ...parts, store, custody, metrics, secrets, installation: defaultWorkspace });
    built.judging = judging;
    const keys = { auditKey: deriveKey(custody.root, 'audit-head'), cursorKey: deriveKey(custody.root, 'cursor') };
    const signing = await startSigningKeys({ ...parts, store, custody, feed: judging.feed, defaultWorkspace });
    built.signing = signing;
    return await mount({ ...parts, ...keys, custody, secrets, signing, store, metrics, judging, started });
  } catch (error) {
    built.signing?.stop();
    await built.judging?.stop();
    await store.close();
    throw error;
  }
}

interface Mounting extends AppParts {
  readonly store: Store;
  readonly metrics: Metrics;
  readonly judging: Judging;
  readonly auditKey: Uint8Array;
  readonly cursorKey: Uint8Array;
  readonly custody: Custody;
  readonly secrets: RingSecrets;
  readonly signing: SigningKeys;
  readonly started: Bootstrapped;
}

async function mount(parts: Mounting): Promise<App> {
  const { config, log, clock, store, metrics, judging, signing, started, sharing } = parts;
  const shown = sharing === undefined ? metrics : { ...metrics, exposition: () => sharing.exposition() };
  let draining = false;
  const isDraining = (): boolean => draining;
  const { trustedProxies: proxies, trustedHops: hops, forwardedHeader: header } = config;
  const names = followedNames(parts);
  await names.follow(config);
  const edge = edgeOptions({
    trusted: trustedProxies(proxies, { header, hops, setOf: (entries) => addressSet(entries, names) }),
  });
  const onError = (err: unknown): void => log.error({ err }, 'a request failed on our side');

  const echo = config.configFile === undefined ? await startEcho({ onError }) : undefined;
  const routes = followedRoutes({
    ...parts,
    names,
    workspace: started.defaultWorkspace,
    samplePort: echo?.port,
  });
  const doors = { routes: routes.now, edge, ports: judging.ports, failed: judging.failed, record: judging.record };

  const exposed = exposures({
    ports: judging.ports,
    failed: judging.failed,
    store,
    clock,
    counted: metrics.transport.credentialExposed,
    onExposed: (exposed) => log.warn(exposed, 'a token was sent in clear from outside: whoever was on the way has it'),
    onError: (err) => log.error({ err }, 'an exposed token was not recorded'),
  });
  const oauth = oauthEndpoints({ ...parts, defaultWorkspace: started.defaultWorkspace });
  const platform = platformHandler({
    edge,
    exposures: exposed,
    api: apiOf(parts, isDraining),
    forwardAuth: forwardAuthHandler(doors),
    oauth: oauth.door,
    metrics: metricsDoor({ metrics: shown, judging, open: isLoopback(config.host) }),
    ready: () => readiness({ ...parts, feed: judging.feed, isDraining }),
    version: parts.version,
    published: (path) => signing.keySets(path) ?? oauth.pages(path),
    openApi: openApiText(parts.version.version),
  });
  const gateway = gatewayHandler({
    ...doors,
    exposures: exposed,
    onPreflight: metrics.preflight,
    live: judging.live,
    assertions: signing.assertions,
    upstreams: routes.upstreams,
    uploadStallMs: config.stallSeconds * 1000,
    log: { upstreamFailed: ({ error, ...call }) => log.warn({ ...call, err: error }, 'an upstream failed') },
  });

  const listeners = await openListeners({
    ...parts,
    reusePort: sharing !== undefined,
    handlers: { platform, gateway, metrics: metricsPage(shown) },
    trusted: edge.trusted,
    mayUpgrade: asksForWebSocket,
    onError,
  }).catch(async (error: unknown) => {
    await echo?.close(0);
    names.stop();
    throw error;
  });
  const { reload } = parts;
  const watching = reload === undefined ? NOT_FOLLOWED : followConfig({ ...parts, reload }, routes.follow);
  const sweep = setInterval(() => {
    // Answers are remembered by management, and forgotten by it.
    if (config.role === 'data-plane') return;
    store
      .write((tx) => tx.dropIdempotencyBefore(clock.now() - REMEMBERED_MS))
      .catch((err: unknown) => log.warn({ err }, 'old idempotency records stay'));
  }, SWEEP_MS);
  sweep.unref();

  return {
    ports: listeners.ports,
    rootToken: started.rootToken,
    sample: echo !== undefined,
    reload() {
      watching.reload();
      listeners.reload();
    },
    apply: routes.follow,
    snapshot: metrics.snapshot,
    async stop() {
      draining = true;
      watching.end();
      clearInterval(sweep);
      // Balancers are told to go elsewhere, by the check of readiness and on each connection, before anybody is turned away.
      if (config.drainSeconds > 0) {
        listeners.lastAnswers();
        await delay(config.drainSeconds * 1000);
      }
      await listeners.close(config.shutdownSeconds * 1000);
      await routes.upstreams.close();
      names.stop();
      await echo?.close(0);
      signing.stop();
      await judging.stop();
      await store.close();
    },
  };
}

function apiOf(parts: Mounting, isDraining: () => boolean): ReturnType<typeof apiHandler> {
  const { config, log, clock, store, metrics, judging, auditKey, cursorKey, custody, secrets, started } = parts;
  return apiHandler({
    store,
    clock,
    ports: judging.ports,
    failed: judging.failed,
    recorder: judging.record,
    feed: judging.feed,
    positions: judging.positions,
    cursors: cursors(cursorKey),
    sealing: custody,
    signing: createSigning({
      custody,
      secrets,
      issuers: issuers(config.publicUrl ?? 'tessera', started.defaultWorkspace),
    }),
    inFlight: inFlight(),
    policy: config,
    bodyTimeoutMs: config.stallSeconds * 1000,
    auditKey,
    isDraining,
    serves: config.role === 'data-plane' ? isOfDataPlane : undefined,
    events: {
      minted: metrics.minted,
      revoked: metrics.revoked,
      answered: ({ path, method, status, seconds }) => metrics.route(path).request(method, status, seconds),
      followed: metrics.followed,
    },
    onError: (err, requestId) => log.error({ err, requestId }, 'an operation failed on our side'),
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

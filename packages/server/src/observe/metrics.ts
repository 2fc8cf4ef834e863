/**
 * What is measured, and the page that tells it. Every label comes from a closed set or from the configuration: no token,
 * owner, workspace, path or address is ever one.
 */
import { type DenialCode, denialCodes, type TokenKind } from '@tessera/verify';
import { type CustodyMetrics, custodyMetrics } from './custody-metrics.ts';
import { createExposition, type Exposition } from './exposition.ts';
import { type FeedMetricsOptions, feedFamilies } from './feed-metrics.ts';
import { type HostNameMetrics, hostNameMetrics } from './host-name-metrics.ts';
import { httpRequests, type RouteMetrics } from './http-requests.ts';
import { type IssuerMetrics, issuerMetrics } from './issuer-metrics.ts';
import { type PolicyMetrics, policyMetrics } from './policy-metrics.ts';
import { type RedisMetrics, redisMetrics } from './redis-metrics.ts';
import { alone, counter, durations, type Family, gauge, histogram, tally, told } from './series.ts';
import { type TransportMetrics, transportMetrics } from './transport-metrics.ts';
import { type UpstreamsMetrics, upstreamsMetrics } from './upstreams-metrics.ts';

export const doors = ['gateway', 'forward-auth', 'verify', 'api', 'oauth'] as const;
export type Door = (typeof doors)[number];

const codes = ['ok', ...denialCodes] as const;
const cacheOutcomes = ['hit', 'miss', 'stale'] as const;
const limitDecisions = ['allowed', 'refused'] as const;
const failedOutcomes = ['counted', 'blocked'] as const;
const preflightOutcomes = ['permitted', 'refused'] as const;
const tokenKinds: readonly TokenKind[] = [
  'api_key',
  'personal_access_token',
  'access_token',
  'refresh_token',
  'session',
];
const kinds = [...tokenKinds, 'other'] as const;
/** Seconds. A verdict from memory takes tens of microseconds, one from the store under a millisecond. */
const VERIFY_BOUNDS = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.1, 1];

export interface MetricsOptions extends FeedMetricsOptions {
  readonly version: string;
  readonly nodeVersion: string;
  readonly usageBufferedEvents: () => number;
  /** Calls through the gateway that last, and are cut when their token ends. */
  readonly liveCalls: () => number;
  /** Of the thread that starts the others. */
  readonly workers?: { readonly running: () => number; readonly restarts: () => number };
  /** Whether to tell of the process and the runtime too, default true: they are watched from then on, for good. */
  readonly ofProcess?: boolean;
}

/** None of these throws or waits; what happens for every request costs some nanoseconds. */
export interface Metrics extends Exposition {
  verification(door: Door, code: DenialCode | 'ok'): void;
  /** @param seconds that the decision took */
  verifyDuration(door: Door, seconds: number): void;
  cacheRequest(outcome: (typeof cacheOutcomes)[number]): void;
  rateLimitDecision(decision: (typeof limitDecisions)[number]): void;
  /** `counted`: a guess was counted for its source address; `blocked`: an address that made too many was turned away. */
  failedCredential(outcome: (typeof failedOutcomes)[number]): void;
  /** A preflight was answered: it has no verdict, and no line in the access log. */
  preflight(isPermitted: boolean): void;
  /** A kind that is none of the known counts as `other`. */
  minted(kind: string): void;
  revoked(count?: number): void;
  audited(): void;
  /** A stream of the change feed has begun (1), or ended (-1). */
  followed(change: 1 | -1): void;
  /** A call that lasted was cut, because its token would now be refused with this code. */
  liveCallCut(code: DenialCode): void;
  configReloaded(successful: boolean): void;
  /** Metrics of an HTTP route by its template or its name in the configuration, never by the path of a request. */
  route(name: string): RouteMetrics;
  readonly policies: PolicyMetrics;
  readonly upstreams: UpstreamsMetrics;
  /** Of connections, whatever they carry. */
  readonly transport: TransportMetrics;
  readonly hostNames: HostNameMetrics;
  readonly issuers: IssuerMetrics;
  readonly redis: RedisMetrics;
  readonly custody: CustodyMetrics;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const verifications = Object.fromEntries(doors.map((door) => [door, tally(codes)])) as VerificationTallies;
  const verifying = Object.fromEntries(doors.map((door) => [door, durations(VERIFY_BOUNDS)])) as VerifyDurations;
  const cache = tally(cacheOutcomes);
  const limits = tally(limitDecisions);
  const failed = tally(failedOutcomes);
  const preflights = tally(preflightOutcomes);
  const minting = tally(kinds);
  const cuts = tally(denialCodes);
  const http = httpRequests();
  const policies = policyMetrics();
  const upstreams = upstreamsMetrics();
  const transport = transportMetrics();
  const hostNames = hostNameMetrics();
  const issuers = issuerMetrics();
  const redis = redisMetrics();
  const custody = custodyMetrics();
  let revokedTokens = 0;
  let auditRecords = 0;
  let followers = 0;
  let reloadSuccessful = true;

  const families = (): readonly Family[] => [
    counter({
      name: 'tessera_verifications_total',
      help: 'Verdicts, by the door that asked and the code.',
      values: doors.flatMap((door) => verifications[door].samples((result) => ({ door, result }))),
    }),
    histogram({
      name: 'tessera_verify_duration_seconds',
      help: 'Time that a decision took, by the door that asked.',
      values: doors.flatMap((door) => verifying[door].samples('tessera_verify_duration_seconds', { door })),
    }),
    counter({
      name: 'tessera_verify_cache_requests_total',
      help: 'Look-ups of token facts: in memory (hit), read from the store (miss), read because memory may be stale.',
      values: cache.samples((outcome) => ({ outcome })),
    }),
    counter({
      name: 'tessera_ratelimit_decisions_total',
      help: 'Requests that rate limits were asked about.',
      values: limits.samples((decision) => ({ decision })),
    }),
    counter({
      name: 'tessera_failed_credentials_total',
      help: 'Credentials that nobody was ever given: counted for their address, or blocked for too many before.',
      values: failed.samples((outcome) => ({ outcome })),
    }),
    counter({
      name: 'tessera_preflights_total',
      help: 'Preflights of pages of other origins, answered by the gateway: the origin is allowed (permitted) or not.',
      values: preflights.samples((outcome) => ({ outcome })),
    }),
    counter({
      name: 'tessera_tokens_minted_total',
      help: 'Tokens that were minted.',
      values: minting.samples((kind) => ({ kind })),
    }),
    counter({ name: 'tessera_tokens_revoked_total', help: 'Tokens that were revoked.', values: alone(revokedTokens) }),
    counter({
      name: 'tessera_audit_events_total',
      help: 'Records added to the audit chains.',
      values: alone(auditRecords),
    }),
    ...feedFamilies(options),
    gauge({
      name: 'tessera_change_streams',
      help: 'Streams of the change feed that are open: verifiers and others that follow this node.',
      values: alone(followers),
    }),
    gauge({
      name: 'tessera_usage_buffered_events',
      help: 'Usage counts that are not in the store yet.',
      values: alone(told(options.usageBufferedEvents)),
    }),
    gauge({
      name: 'tessera_live_calls',
      help: 'Calls through the gateway that have lasted longer than a second, WebSockets and streams among them.',
      values: alone(told(options.liveCalls)),
    }),
    counter({
      name: 'tessera_live_calls_cut_total',
      help: 'Calls that were cut while they lasted, by the code that their token would be refused with.',
      values: cuts.samples((result) => ({ result })),
    }),
    gauge(
      {
        name: 'tessera_config_last_reload_successful',
        help: '1 where the configuration in force is the one in the file, 0 where that was refused.',
        values: alone(reloadSuccessful ? 1 : 0),
      },
      'min',
    ),
    gauge(
      {
        name: 'tessera_build_info',
        help: 'Always 1; the labels say what runs.',
        values: [{ labels: { version: options.version, node: options.nodeVersion }, value: 1 }],
      },
      'max',
    ),
    ...(options.workers === undefined ? [] : ofWorkers(options.workers)),
    ...policies.families(),
    http.family(),
    ...upstreams.families(),
    ...transport.families(),
    ...hostNames.families(),
    ...issuers.families(),
    ...redis.families(),
    ...custody.families(),
  ];

  return {
    ...createExposition(families, { ofProcess: options.ofProcess ?? true }),
    verification(door, code) {
      verifications[door].counts[code] += 1;
    },
    verifyDuration: (door, seconds) => verifying[door].observe(seconds),
    cacheRequest(outcome) {
      cache.counts[outcome] += 1;
    },
    rateLimitDecision(decision) {
      limits.counts[decision] += 1;
    },
    failedCredential(outcome) {
      failed.counts[outcome] += 1;
    },
    preflight(isPermitted) {
      preflights.counts[isPermitted ? 'permitted' : 'refused'] += 1;
    },
    minted(kind) {
      minting.counts[kinds.find((known) => known === kind) ?? 'other'] += 1;
    },
    revoked(count = 1) {
      revokedTokens += count;
    },
    audited() {
      auditRecords += 1;
    },
    followed(change) {
      followers += change;
    },
    liveCallCut(code) {
      cuts.counts[code] += 1;
    },
    configReloaded(successful) {
      reloadSuccessful = successful;
    },
    route: (name) => http.route(name),
    policies,
    upstreams,
    transport,
    hostNames,
    issuers,
    redis,
    custody,
  };
}

function ofWorkers({ running, restarts }: NonNullable<MetricsOptions['workers']>): readonly Family[] {
  return [
    gauge({ name: 'tessera_workers', help: 'Threads that serve.', values: alone(running()) }),
    counter({
      name: 'tessera_worker_restarts_total',
      help: 'Threads that were started in the place of one that had died.',
      values: alone(restarts()),
    }),
  ];
}

type VerificationTallies = Readonly<Record<Door, ReturnType<typeof tally<(typeof codes)[number]>>>>;
type VerifyDurations = Readonly<Record<Door, ReturnType<typeof durations>>>;

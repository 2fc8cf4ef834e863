/** Where a route's requests go, from the configuration's words into what the gateway uses: targets, and how they are treated. */
import type { KeyObject } from 'node:crypto';

/** An upstream as it is configured; durations in seconds. The configuration's own type is assignable to it. */
export interface UpstreamConfig {
  readonly targets: readonly TargetConfig[];
  readonly balance?: Balance;
  /** Absent: nobody asks the targets how they are. */
  readonly health?: HealthConfig | undefined;
  readonly eject?: Partial<EjectConfig> | false;
  readonly timeouts?: Partial<TimeoutsConfig>;
  readonly retries?: number;
  readonly tls?: TlsConfig | undefined;
}

export type Balance = 'round-robin' | 'least-pending';

export interface TargetConfig {
  /** An origin: scheme, host and port. */
  readonly url: string;
  readonly weight?: number;
  readonly maxConcurrent?: number;
}

export interface HealthConfig {
  readonly path: string;
  readonly interval?: number;
  readonly timeout?: number;
  readonly healthy?: number;
  readonly unhealthy?: number;
  readonly status?: readonly number[] | undefined;
}

export interface EjectConfig {
  readonly failures: number;
  readonly for: number;
  readonly longest: number;
  readonly maxShare: number;
  readonly ramp: number;
  readonly status: readonly number[];
}

export interface TimeoutsConfig {
  readonly connect: number;
  readonly response: number;
  readonly idle: number;
}

export interface TlsConfig {
  readonly serverName?: string | undefined;
  readonly verify?: boolean;
  readonly material?: TlsMaterial;
}

/** What the files that a route names held when the configuration was read: PEM texts, and the key, which nothing prints. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: KeyObject;
}

/** What holds where a route says nothing; the schema and its reference show the same values. */
export const UPSTREAM_DEFAULTS = Object.freeze({
  weight: 1,
  maxConcurrent: 1024,
  balance: 'round-robin',
  retries: 1,
  timeouts: Object.freeze({ connect: 5, response: 60, idle: 300 }),
  health: Object.freeze({ interval: 10, timeout: 2, healthy: 2, unhealthy: 3 }),
  // 500 is left out: mostly a request broke the application there, and one caller could take out target after target.
  eject: Object.freeze({ failures: 5, for: 1, longest: 30, maxShare: 50, ramp: 10, status: [502, 503, 504] }),
} as const);

export interface CompiledUpstream {
  readonly targets: readonly CompiledTarget[];
  readonly balance: Balance;
  /** Further targets that a request may be offered, where nothing of it was sent to the one before. */
  readonly retries: number;
  readonly connectTimeoutMs: number;
  /** Until the upstream begins to answer. */
  readonly responseTimeoutMs: number;
  /** Silence inside an answer; streams of events are silent for long. */
  readonly idleTimeoutMs: number;
  readonly health: HealthCheck | undefined;
  readonly eject: Ejection | undefined;
  readonly tls: Required<Pick<TlsConfig, 'serverName' | 'verify' | 'material'>> | undefined;
}

export interface CompiledTarget {
  readonly url: string;
  readonly weight: number;
  readonly maxConcurrent: number;
}

export interface HealthCheck {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** So many good answers in a row make a target healthy again, so many bad ones unhealthy. */
  readonly healthy: number;
  readonly unhealthy: number;
  /** Good ones; undefined: 200 to 299. */
  readonly status: ReadonlySet<number> | undefined;
}

export interface Ejection {
  /** In a row. */
  readonly failures: number;
  /** The first time out of service; it doubles with each trial that fails, up to the longest. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** Share of the targets, in percent, that answers may take out of service; being unreachable takes out every one. */
  readonly maxShare: number;
  /** Time in which a target that came back grows to its full weight. */
  readonly rampMs: number;
  /** Statuses that count as failures. */
  readonly status: ReadonlySet<number>;
}

export function compileUpstream(config: UpstreamConfig): CompiledUpstream {
  const { targets, balance, health, retries, tls } = config;
  const timeouts = { ...UPSTREAM_DEFAULTS.timeouts, ...config.timeouts };
  return Object.freeze({
    targets: targets.map(({ url, weight, maxConcurrent }) => ({
      url,
      weight: weight ?? UPSTREAM_DEFAULTS.weight,
      maxConcurrent: maxConcurrent ?? UPSTREAM_DEFAULTS.maxConcurrent,
    })),
    balance: balance ?? UPSTREAM_DEFAULTS.balance,
    retries: retries ?? UPSTREAM_DEFAULTS.retries,
    connectTimeoutMs: milliseconds(timeouts.connect),
    responseTimeoutMs: milliseconds(timeouts.response),
    idleTimeoutMs: milliseconds(timeouts.idle),
    health: health === undefined ? undefined : healthCheck(health),
    eject: config.eject === false ? undefined : ejection(config.eject),
    tls:
      tls === undefined
        ? undefined
        : { serverName: tls.serverName, verify: tls.verify ?? true, material: tls.material ?? {} },
  });
}

function healthCheck({ path, status, ...parts }: HealthConfig): HealthCheck {
  const { interval, timeout, healthy, unhealthy } = { ...UPSTREAM_DEFAULTS.health, ...parts };
  return {
    path,
    intervalMs: milliseconds(interval),
    timeoutMs: milliseconds(timeout),
    healthy,
    unhealthy,
    status: status === undefined ? undefined : new Set(status),
  };
}

function ejection(parts: Partial<EjectConfig> = {}): Ejection {
  const { failures, longest, maxShare, ramp, status, for: first } = { ...UPSTREAM_DEFAULTS.eject, ...parts };
  return {
    failures,
    firstMs: milliseconds(first),
    longestMs: milliseconds(longest),
    maxShare,
    rampMs: milliseconds(ramp),
    status: new Set(status),
  };
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}

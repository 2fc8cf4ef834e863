/** The counting part of a route, from the configuration's words into rules; what is in shadow mode apart from the rest. */
import { limitName } from '@tessera/contract';
import type {
  CountedBy,
  OnFault,
  RequiredConcurrency,
  RequiredLimit,
  RequiredQuota,
  Requirement,
} from '@tessera/verify';

export interface LimitConfig {
  readonly name?: string | undefined;
  readonly limit: number;
  /** Seconds. */
  readonly window: number;
  readonly burst?: number | undefined;
  readonly cost?: number | undefined;
  readonly by?: CountedBy | undefined;
  readonly mode?: 'exact' | 'approximate' | 'shadow' | undefined;
  readonly onFault?: OnFault | undefined;
}

export interface QuotaConfig {
  readonly name?: string | undefined;
  readonly limit: number;
  readonly period: 'day' | 'month';
  readonly by?: CountedBy | undefined;
  readonly mode?: Mode | undefined;
  readonly onFault?: OnFault | undefined;
}

export interface ConcurrencyConfig {
  readonly name?: string | undefined;
  readonly limit: number;
  readonly by?: RequiredConcurrency['by'] | undefined;
  readonly mode?: Mode | undefined;
  readonly onFault?: OnFault | undefined;
}

export type Mode = 'enforce' | 'shadow';

export interface CountingConfig {
  readonly name: string;
  readonly limits?: readonly LimitConfig[];
  /** The short form of `quotas`. */
  readonly quota?: QuotaConfig | undefined;
  readonly quotas?: readonly QuotaConfig[] | undefined;
  readonly concurrency?: readonly ConcurrencyConfig[];
}

export type Counted = Pick<Requirement, 'limits' | 'quotas' | 'concurrency'>;

/** What each rule is called, by kind: its own name, or one that is made of what it says. */
export function namesOf({ limits = [], quotas = [], concurrency = [] }: CountingConfig) {
  return {
    limits: limits.map(limitName),
    quotas: quotas.map(({ name, period }) => name ?? `quota-${period}`),
    concurrency: concurrency.map(({ name, by = 'token' }) => name ?? `at-once-by-${by}`),
  };
}

/** @throws RangeError where two rules of a kind have one name: they would be one counter, which no request could satisfy twice */
export function compileCounting(config: CountingConfig): { readonly enforced: Counted; readonly tried: Counted } {
  const { name: route, limits = [], quota, concurrency = [] } = config;
  const quotas = quota === undefined ? (config.quotas ?? []) : [{ name: 'quota', ...quota }];
  const names = namesOf({ ...config, quotas });
  for (const [kind, all] of Object.entries(names)) {
    if (new Set(all).size < all.length) throw new RangeError(`route ${route}: two ${kind} have the same name`);
  }
  const those = (shadow: boolean): Counted => {
    const isMeant = ({ mode }: { readonly mode?: string | undefined }): boolean => (mode === 'shadow') === shadow;
    return {
      limits: limits.filter(isMeant).map((one) => requiredLimit(route, one)),
      quotas: quotas.filter(isMeant).map((one) => requiredQuota(route, one)),
      concurrency: concurrency.filter(isMeant).map((one) => requiredConcurrency(route, one)),
    };
  };
  return { enforced: those(false), tried: those(true) };
}

function requiredLimit(route: string, config: LimitConfig): RequiredLimit {
  const name = limitName(config);
  return {
    key: `route:${route}:${name}`,
    name,
    limit: config.limit,
    windowSeconds: config.window,
    burst: config.burst ?? config.limit,
    cost: config.cost ?? 1,
    by: config.by ?? 'token',
    ...(config.mode === 'approximate' && { mode: config.mode }),
    onFault: config.onFault ?? 'closed',
  };
}

function requiredQuota(route: string, config: QuotaConfig): RequiredQuota {
  const { limit, period, name = `quota-${period}`, by = 'token', onFault = 'closed' } = config;
  return { key: `route:${route}:${name}`, name, limit, period, by, onFault };
}

function requiredConcurrency(route: string, config: ConcurrencyConfig): RequiredConcurrency {
  const { limit, by = 'token', name = `at-once-by-${by}`, onFault = 'closed' } = config;
  return { key: `route:${route}:at-once:${name}`, name, limit, by, onFault };
}

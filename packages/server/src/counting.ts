/** What counts requests for all doors: rates, places, quotas and credits; and what stands in while the store is away. */
import { type Clock, chain, type Limiter, type Ports } from '@tessera/verify';
import type { Store } from './core/store-port.ts';
import { memoryConcurrency } from './limits/concurrency.ts';
import { memoryLimiter } from './limits/memory.ts';
import { memoryQuotas } from './limits/memory-quotas.ts';
import { storedQuotas } from './limits/quotas.ts';
import { createRefunds } from './limits/refunds.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Sharing } from './sharing.ts';

export interface CountingParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** What the threads of a process share; undefined: there is one. */
  readonly sharing: Pick<Sharing, 'limiter' | 'concurrency'> | undefined;
}

type CountingPorts = Pick<Ports, 'limiter' | 'quotas' | 'concurrency' | 'local' | 'onPolicyFault'>;

export interface Counting {
  readonly ports: CountingPorts;
  /** Writes what is still to be given back. */
  stop(): Promise<void>;
}

/** Keys that stand-ins count at once: they serve an outage, not a day. */
const LOCAL_KEYS = 100_000;
/** Faults of policies come with every request; the metrics count them all. */
const LOG_EVERY_MS = 1000;

export function startCounting({ store, clock, log, metrics, sharing }: CountingParts): Counting {
  const refunds = createRefunds({
    store,
    onRefund(outcome, err) {
      metrics.policies.refund(outcome);
      if (outcome === 'lost') log.warn({ err }, 'what an unserved request spent of a quota cannot be given back');
    },
  });
  let logged = Number.NEGATIVE_INFINITY;
  return {
    ports: {
      limiter: counted(sharing?.limiter ?? memoryLimiter({ clock }), metrics),
      quotas: storedQuotas({ store, clock, refunds }),
      concurrency: sharing?.concurrency ?? memoryConcurrency(),
      local: {
        limiter: memoryLimiter({ clock, maxKeys: LOCAL_KEYS }),
        quotas: memoryQuotas({ clock }),
        concurrency: memoryConcurrency(),
      },
      onPolicyFault({ policy, mode, error }) {
        metrics.policies.policyFault(policy, mode);
        // One that is closed refuses, and is logged as every other fault that does.
        if (mode === 'closed' || performance.now() - logged < LOG_EVERY_MS) return;
        logged = performance.now();
        log.error({ err: error, policy, mode }, 'a policy cannot be judged, and does not refuse');
      },
    },
    stop: () => refunds.stop(),
  };
}

/** A limiter whose decisions show in the metrics. */
function counted(limiter: Limiter, metrics: Metrics): Limiter {
  return {
    take: (rules, cost, mode) =>
      chain(limiter.take(rules, cost, mode), (outcome) => {
        if (mode === 'spend') metrics.rateLimitDecision(outcome.allowed ? 'allowed' : 'refused');
        return outcome;
      }),
  };
}

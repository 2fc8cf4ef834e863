/** What policies did beside refusing: what shadow mode would have refused, what could not be judged, what was given back. */
import type { DenialCode, OnFault, PolicyFault, ShadowPolicy } from '@tessera/verify';
import type { Door } from './metrics.ts';
import { alone, counter, type Family, gauge, type Sample, tally } from './series.ts';

export interface PolicyMetrics {
  /** A refusal that was not made, since its policy is tried out. */
  shadowRefusal(door: Door, policy: ShadowPolicy, code: DenialCode): void;
  /** A policy could not be judged: `closed` refused, `open` let pass, `local` counted here. */
  policyFault(policy: PolicyFault['policy'], mode: OnFault): void;
  /** What an unserved request had spent of quotas and credits: `given` back, or `lost`. */
  refund(outcome: 'given' | 'lost'): void;
  /** How many routes let everything through, because their whole decision is tried out. */
  shadowRoutes(count: number): void;
  /** How many nodes have the store in common. */
  liveNodes(count: number): void;
}

const counted = ['concurrency', 'limits', 'quotas'] as const;
const modes = ['closed', 'open', 'local'] as const;
const outcomes = ['given', 'lost'] as const;

export function policyMetrics(): PolicyMetrics & { families(): readonly Family[] } {
  // Most combinations never happen: only those that did are on the page. All of their parts come from closed sets.
  const shadow = new Map<string, { readonly labels: Sample['labels']; value: number }>();
  const faults = Object.fromEntries(counted.map((policy) => [policy, tally(modes)])) as Record<
    (typeof counted)[number],
    ReturnType<typeof tally<OnFault>>
  >;
  const refunds = tally(outcomes);
  let routes = 0;
  let nodes = 1;
  return {
    shadowRefusal(door, policy, code) {
      const key = `${door} ${policy} ${code}`;
      const known = shadow.get(key);
      if (known === undefined) shadow.set(key, { labels: { door, policy, result: code }, value: 1 });
      else known.value += 1;
    },
    policyFault(policy, mode) {
      faults[policy].counts[mode] += 1;
    },
    refund(outcome) {
      refunds.counts[outcome] += 1;
    },
    shadowRoutes(count) {
      routes = count;
    },
    liveNodes(count) {
      nodes = count;
    },
    families: () => [
      counter({
        name: 'tessera_shadow_refusals_total',
        help: 'Requests that passed and that a policy in shadow mode would have refused, by door, policy and code.',
        values: Array.from(shadow.values(), ({ labels, value }) => ({ labels, value })),
      }),
      counter({
        name: 'tessera_policy_faults_total',
        help: 'Policies that could not be judged, and what their onFault made of it: closed refused, open let pass, local counted in this process.',
        values: counted.flatMap((policy) => faults[policy].samples((mode) => ({ policy, mode }))),
      }),
      counter({
        name: 'tessera_quota_refunds_total',
        help: 'Requests whose quotas and credits were given back because they were not served.',
        values: refunds.samples((outcome) => ({ outcome })),
      }),
      gauge(
        {
          name: 'tessera_nodes',
          help: 'Nodes that have the store in common, as far as this one knows; without Redis each counts a share of every limit.',
          values: alone(nodes),
        },
        'max',
      ),
      // Every worker has the same ones.
      gauge(
        {
          name: 'tessera_shadow_routes',
          help: 'Routes in shadow mode, which refuse nothing.',
          values: alone(routes),
        },
        'max',
      ),
    ],
  };
}

/** What one thread has measured at one time: plain data, so that it can be sent to another thread and outlive its own. */
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';
import type { Family } from './series.ts';

type OfRuntime = MetricObjectWithValues<MetricValue<string>>;

export interface Snapshot {
  readonly ours: readonly Family[];
  /** Of the runtime, as far as it is of one thread. */
  readonly runtime: readonly OfRuntime[];
}

/** The counts of threads that are gone, as those of one: a count never goes down. Where they stood is gone with them. */
export async function countsOf(gone: readonly Snapshot[]): Promise<Snapshot> {
  const ours = AggregatorRegistry.aggregate(gone.map((one) => one.ours.filter(isCount)));
  const runtime = AggregatorRegistry.aggregate(gone.map((one) => one.runtime.filter(isCount)));
  return {
    // What was aggregated has the shape of what it was made of.
    ours: (await ours.getMetricsAsJSON()) as unknown as readonly Family[],
    runtime: await runtime.getMetricsAsJSON(),
  };
}

function isCount({ type }: Family | OfRuntime): boolean {
  return ['counter', 'histogram'].includes(String(type));
}

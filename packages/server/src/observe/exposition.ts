/** The page of all that is measured, in the text format of Prometheus: of one thread, or of several as if they were one. */
import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client';
import type { Family } from './series.ts';
import type { Snapshot } from './snapshot.ts';

export interface Exposition {
  readonly contentType: string;
  /** What is measured now, to be told together with what others measured. */
  snapshot(): Promise<Snapshot>;
  /** The page: version 0.0.4 of the format. With those of `others`, their threads are told of in place of this one. */
  exposition(others?: readonly Snapshot[]): Promise<string>;
}

/** @param families read anew for each page. @param options.ofProcess whether to watch process and runtime, too: from now on, and for good */
export function createExposition(
  families: () => readonly Family[],
  options: { readonly ofProcess: boolean },
): Exposition {
  const ofProcess = new Registry();
  if (options.ofProcess) collectDefaultMetrics({ register: ofProcess });
  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    async snapshot() {
      const runtime = await ofProcess.getMetricsAsJSON();
      return { ours: families(), runtime: runtime.filter(({ name }) => !isOfProcess(name)) };
    },
    async exposition(others = []) {
      const page = AggregatorRegistry.aggregate([families(), ...others.map(({ ours }) => ours)]);
      if (others.length === 0) return `${await page.metrics()}\n${await ofProcess.metrics()}`;
      const runtime = AggregatorRegistry.aggregate(others.map(({ runtime: threads }) => threads));
      const all = ofProcess.getMetricsAsArray().map(({ name }) => name);
      const whole = await Promise.all(all.filter(isOfProcess).map((name) => ofProcess.getSingleMetricAsString(name)));
      return [await page.metrics(), await runtime.metrics(), ...whole].join('\n');
    },
  };
}

/** The same whichever thread asks; what is named otherwise is of one thread. */
function isOfProcess(name: string): boolean {
  return name.startsWith('process_');
}

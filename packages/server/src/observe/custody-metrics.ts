/** Metrics of what is kept sealed. */
import { counter, type Family, tally } from './series.ts';

/** Tables that hold sealed values. What is none of them counts as `other`. */
export const sealedTables = ['keys', 'issuers', 'other'] as const;

export interface CustodyMetrics {
  /** A sealed value of this table did not open. */
  alarm(table: string): void;
}

export function custodyMetrics(): CustodyMetrics & { families(): readonly Family[] } {
  const alarms = tally(sealedTables);
  return {
    alarm(table) {
      alarms.counts[sealedTables.find((known) => known === table) ?? 'other'] += 1;
    },
    families: () => [
      counter({
        name: 'tessera_custody_alarms_total',
        help: 'Sealed values that did not open, by table: they were changed in the database, or moved there from elsewhere.',
        values: alarms.samples((table) => ({ table })),
      }),
    ],
  };
}

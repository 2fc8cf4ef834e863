/** Metrics of the issuers whose tokens are accepted. No issuer is a label: the log tells which one fails. */
import { alone, counter, type Family, gauge, tally, told } from './series.ts';

const fetches = ['fetched', 'failed'] as const;
const questions = ['answered', 'failed', 'refused'] as const;

export interface IssuerMetrics {
  keys(outcome: (typeof fetches)[number]): void;
  introspected(outcome: (typeof questions)[number]): void;
  /** `oldestSeconds`: age of the oldest key set in use. */
  follow(oldestSeconds: () => number): void;
}

export function issuerMetrics(): IssuerMetrics & { families(): readonly Family[] } {
  const fetched = tally(fetches);
  const asked = tally(questions);
  let oldest = (): number => 0;
  return {
    keys(outcome) {
      fetched.counts[outcome] += 1;
    },
    introspected(outcome) {
      asked.counts[outcome] += 1;
    },
    follow(read) {
      oldest = read;
    },
    families: () => [
      counter({
        name: 'tessera_issuer_key_fetches_total',
        help: 'Fetches of the keys of issuers whose tokens are accepted.',
        values: fetched.samples((outcome) => ({ outcome })),
      }),
      counter({
        name: 'tessera_issuer_introspections_total',
        help: 'Questions to issuers about single tokens; `refused`: not asked, since the issuer fails or too many were under way.',
        values: asked.samples((outcome) => ({ outcome })),
      }),
      gauge(
        {
          name: 'tessera_issuer_key_age_seconds',
          help: 'Age of the oldest keys of an issuer that are in use. More than 600: that issuer cannot be reached, and its last known keys are used.',
          values: alone(told(oldest)),
        },
        'max',
      ),
    ],
  };
}

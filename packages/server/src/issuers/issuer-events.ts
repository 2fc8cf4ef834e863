/** What is told of asking issuers: to the log and the metrics. No member throws. */

export interface IssuerEvents {
  /** `lost`: the first failure in a row; `recovered`: the first answer after failures. */
  keys(event: 'fetched' | 'failed' | 'lost' | 'recovered', issuer: string, error?: unknown): void;
  introspected(outcome: 'answered' | 'failed' | 'refused'): void;
  /** An issuer that is asked about its tokens fails; it is left alone for a moment. */
  opened(issuer: string, error: unknown): void;
}

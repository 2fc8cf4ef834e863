/** Whether a target is in service, as the requests sent to it tell: out after failures in a row, back by one that succeeds, then slowly. */
import type { Ejection } from '../../core/compiled-upstream.ts';

/**
 * How a request to a target ended. `failed`: it was sent, and what came back was no answer or one that counts as a failure;
 * `unreachable`: nothing was sent, because there was no connection; `none`: it says nothing about the target.
 */
export type Outcome = 'good' | 'failed' | 'unreachable' | 'none';

/** What changed for those outside: undefined, nothing. A trial is still out of service. */
export type Change = 'in' | 'out' | undefined;

/** A target that comes back starts with this share of its weight. */
const LEAST_SHARE = 0.1;

export interface Ended {
  readonly term: number;
  /** Milliseconds. */
  readonly now: number;
  /** Whether answers may take this target out of service: enough others must be in it. */
  readonly dispensable: () => boolean;
}

/**
 * The states: in service; out, until a time; on trial, while the one request that may be sent then has not ended. What
 * ends counts only for the term in which it was sent, so that old failures do not undo a return, nor old answers hasten it.
 */
export class Service {
  #state: 'in' | 'out' | 'trial' = 'in';
  #term = 0;
  #failures = 0;
  /** Those of them, the latest in a row, that found nobody there. */
  #unreachable = 0;
  #outMs = 0;
  #until = 0;
  #returned = Number.NEGATIVE_INFINITY;

  get inService(): boolean {
    return this.#state === 'in';
  }

  /** In service, and the latest request did not fail. */
  get isUntroubled(): boolean {
    return this.#state === 'in' && this.#failures === 0;
  }

  get term(): number {
    return this.#term;
  }

  /** Whether one request may try it again. */
  isDue(now: number): boolean {
    return this.#state === 'out' && now >= this.#until;
  }

  startTrial(): void {
    this.#enter('trial');
  }

  /** Milliseconds until it may be tried; 0: now, or as soon as the trial has ended. */
  waitMs(now: number): number {
    return this.#state === 'out' ? Math.max(0, this.#until - now) : 0;
  }

  /** Share of its weight, 1 but for a while after a return. */
  share(now: number, rampMs: number): number {
    const since = now - this.#returned;
    return since >= rampMs ? 1 : Math.max(LEAST_SHARE, since / rampMs);
  }

  /** The answer has begun, and is none that counts as a failure: whatever its end, a trial is passed. */
  answering(term: number, now: number): Change {
    return this.#state === 'trial' && term === this.#term ? this.return(now) : undefined;
  }

  /** Takes the end of a request into account. */
  ended(outcome: Outcome, { term, now, dispensable }: Ended, rules: Ejection): Change {
    if (term !== this.#term || this.#state === 'out') return undefined;
    const onTrial = this.#state === 'trial';
    if (outcome === 'none') {
      if (onTrial) this.#out(now, 0);
      return undefined;
    }
    if (outcome === 'good') {
      this.#failures = 0;
      this.#unreachable = 0;
      return undefined;
    }
    if (onTrial) {
      // It is there again, and there is nobody better.
      if (outcome === 'failed' && !dispensable()) return this.return(now);
      this.#outMs = Math.min(this.#outMs * 2, rules.longestMs);
      this.#out(now, this.#outMs);
      return undefined;
    }
    this.#failures += 1;
    this.#unreachable = outcome === 'unreachable' ? this.#unreachable + 1 : 0;
    const gone = this.#unreachable >= rules.failures;
    if (!gone && !(this.#failures >= rules.failures && dispensable())) return undefined;
    this.#outMs = rules.firstMs;
    this.#out(now, this.#outMs);
    return 'out';
  }

  /** In service from now on, and growing to its full weight. */
  return(now: number): Change {
    const changed = this.#state === 'in' ? undefined : 'in';
    this.#enter('in');
    this.#returned = now;
    this.#failures = 0;
    this.#unreachable = 0;
    return changed;
  }

  #out(now: number, ms: number): void {
    this.#enter('out');
    this.#until = now + ms;
  }

  #enter(state: 'in' | 'out' | 'trial'): void {
    this.#state = state;
    this.#term += 1;
  }
}

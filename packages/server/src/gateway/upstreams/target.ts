/** One target of a route's upstream: its connections, what runs on them, and whether it takes requests. */
import type { Dispatcher } from 'undici';
import type { CompiledTarget, Ejection } from '../../core/compiled-upstream.ts';
import type { Endpoint } from './endpoint.ts';
import { type Change, type Outcome, Service } from './service.ts';

/** What a target is told by the upstream that it is in; a reload may put it into another, with its state. */
export interface Membership extends Pick<CompiledTarget, 'weight' | 'maxConcurrent'> {
  /** Undefined: no request takes it out of service. */
  readonly eject: Ejection | undefined;
  /** Whether enough targets are in service to do without this one. */
  readonly dispensable: (target: Target) => boolean;
  /** Called when requests take it out of service, or put it back. */
  readonly onChange: (inService: boolean) => void;
  readonly now: () => number;
}

export class Target {
  readonly endpoint: Endpoint;
  readonly dispatcher: Dispatcher;
  /** Requests that were given to it and have not ended. */
  pending = 0;
  /** Its place in the turns of smooth round robin. */
  turn = 0;
  readonly #service = new Service();
  #membership: Membership;

  constructor(endpoint: Endpoint, membership: Membership) {
    this.endpoint = endpoint;
    this.dispatcher = endpoint.pool;
    this.#membership = membership;
  }

  get url(): string {
    return this.endpoint.url;
  }

  /** Of the requests that are sent now; `settle` wants it back. */
  get term(): number {
    return this.#service.term;
  }

  get inService(): boolean {
    return this.endpoint.healthy && this.#service.inService;
  }

  get isFull(): boolean {
    return this.pending >= this.#membership.maxConcurrent;
  }

  /** Carries the state over into what a reload says. */
  join(membership: Membership): void {
    if (membership.eject === undefined && !this.#service.inService) this.#service.return(membership.now());
    this.#membership = membership;
  }

  weight(now: number): number {
    const { weight, eject } = this.#membership;
    return eject === undefined ? weight : weight * this.#service.share(now, eject.rampMs);
  }

  isDue(now: number): boolean {
    return this.endpoint.healthy && this.#service.isDue(now);
  }

  /** Milliseconds until asking again may be worth it. */
  waitMs(now: number): number {
    return this.endpoint.healthy ? this.#service.waitMs(now) : this.endpoint.intervalMs;
  }

  /** Counts a request that the caller is about to send; `settle` must follow, once. */
  take(): this {
    if (!this.#service.inService) this.#service.startTrial();
    this.pending += 1;
    return this;
  }

  /** Checks found it healthy again: what requests found before is of the past. */
  healthy(): void {
    this.#tell(this.#service.return(this.#membership.now()));
  }

  /** The answer to a request of that term has begun. */
  answering(status: number, term: number): void {
    const { eject, now } = this.#membership;
    if (this.#service.inService || eject === undefined || eject.status.has(status)) return;
    this.#tell(this.#service.answering(term, now()));
  }

  /** The request has ended; `status` of the answer, where one began. */
  settle(outcome: Outcome, term: number, status?: number): void {
    this.pending -= 1;
    const { eject, now, dispensable } = this.#membership;
    if (eject === undefined) return;
    const told = outcome === 'good' && status !== undefined && eject.status.has(status) ? 'failed' : outcome;
    // Nearly every request: it went well, as did the one before.
    if (told === 'good' && this.#service.isUntroubled) return;
    const ended = { term, now: now(), dispensable: () => dispensable(this) };
    this.#tell(this.#service.ended(told, ended, eject));
  }

  #tell(change: Change): void {
    if (change === undefined) return;
    // What it owed before it went would keep it out for several turns more.
    this.turn = 0;
    this.#membership.onChange(change === 'in');
  }
}

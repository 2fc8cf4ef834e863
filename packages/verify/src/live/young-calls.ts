/** Calls that came just now, in the order they came: almost all end before anybody must look at them. */
import type { TokenFacts } from '../ports.ts';
import type { JudgedCall, LiveCall } from './live-calls.ts';

export interface YoungCallsOptions {
  /** Ticks until a call counts as one that lasts. */
  readonly ticks: number;
  readonly onLasting: (call: FollowedCall) => void;
  /** A call that lasted is over. */
  readonly onEnd: (call: FollowedCall) => void;
}

/** A ring: to add and to leave cost two links each, whatever the number of calls. */
export class YoungCalls {
  readonly options: YoungCallsOptions;
  readonly #ring: Link = { before: undefined, after: undefined };
  #now = 0;

  constructor(options: YoungCallsOptions) {
    this.options = options;
    this.#ring.before = this.#ring;
    this.#ring.after = this.#ring;
  }

  add(judged: JudgedCall): FollowedCall {
    const call = new FollowedCall(judged, this, this.#now);
    const last = this.#ring.before;
    call.before = last;
    call.after = this.#ring;
    if (last !== undefined) last.after = call;
    this.#ring.before = call;
    return call;
  }

  isEmpty(): boolean {
    return this.#ring.after === this.#ring;
  }

  tick(): void {
    this.#now += 1;
    for (let oldest = this.#ring.after; oldest instanceof FollowedCall; oldest = this.#ring.after) {
      if (this.#now - oldest.cameAt <= this.options.ticks) return;
      oldest.lasts();
    }
  }
}

interface Link {
  before: Link | undefined;
  after: Link | undefined;
}

export class FollowedCall implements LiveCall, Link {
  readonly judged: JudgedCall;
  readonly cameAt: number;
  /** As of the last verdict. */
  facts: TokenFacts;
  state: 'young' | 'lasting' | 'over' = 'young';
  /** Counts how often it was judged again: of two verdicts under way, the later one holds. */
  round = 0;
  /** The ticks at which it was found to be due, and was asked for a verdict. */
  dueAt = 0;
  askedAt = 0;
  before: Link | undefined;
  after: Link | undefined;
  readonly #young: YoungCalls;

  constructor(judged: JudgedCall, young: YoungCalls, cameAt: number) {
    this.judged = judged;
    this.facts = judged.facts;
    this.cameAt = cameAt;
    this.#young = young;
  }

  lasts(): void {
    if (this.state !== 'young') return;
    this.#leave();
    this.state = 'lasting';
    this.#young.options.onLasting(this);
  }

  end(): void {
    const { state } = this;
    this.state = 'over';
    if (state === 'young') this.#leave();
    else if (state === 'lasting') this.#young.options.onEnd(this);
  }

  #leave(): void {
    if (this.before !== undefined) this.before.after = this.after;
    if (this.after !== undefined) this.after.before = this.before;
    this.before = undefined;
    this.after = undefined;
  }
}

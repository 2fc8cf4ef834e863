/** How counted policies ask what counts them; and what becomes of a request where that does not answer. */
import type { MaybePromise } from '../maybe-promise.ts';
import type { LimitOutcome, OnFault, PolicyFault, Ports, TokenFacts } from '../ports.ts';
import {
  type Circumstances,
  counterKey,
  type RequiredConcurrency,
  type RequiredLimit,
  type RequiredQuota,
} from '../requirement.ts';

/** With what, and for how much, rules are counted. */
export interface Terms {
  readonly circumstances: Circumstances;
  readonly ports: Ports;
  readonly mode: 'spend' | 'peek';
}

interface Counted {
  readonly onFault?: OnFault;
}

/** A counted policy: made once, so that a request that is counted in memory leaves no closure behind. */
export interface Counter<Rule extends Counted, Outcome> {
  readonly policy: PolicyFault['policy'];
  take(rules: readonly Rule[], taking: Taking): MaybePromise<Outcome>;
  /** Counts in the memory of this process. */
  local(rules: readonly Rule[], local: NonNullable<Ports['local']>, taking: Taking): MaybePromise<Outcome>;
}

/** How much is taken of each rule, and where. */
export interface Taking extends Pick<Terms, 'ports' | 'mode'> {
  /** Whole number from 1. */
  readonly cost: number;
}

export const UNLIMITED: LimitOutcome = Object.freeze({ allowed: true, states: Object.freeze([]) });

/** Asks what counts these rules; where that throws or rejects, does what their `onFault` says, and nothing milder. */
export function count<Rule extends Counted, Outcome extends LimitOutcome>(
  counter: Counter<Rule, Outcome>,
  rules: readonly Rule[],
  taking: Taking,
): MaybePromise<Outcome | LimitOutcome> {
  try {
    const outcome = counter.take(rules, taking);
    if (!(outcome instanceof Promise)) return outcome;
    return outcome.catch((error: unknown) => recover(error, { counter, rules, taking }));
  } catch (error) {
    return recover(error, { counter, rules, taking });
  }
}

interface Failed<Rule extends Counted, Outcome> {
  readonly counter: Counter<Rule, Outcome>;
  readonly rules: readonly Rule[];
  readonly taking: Taking;
}

/**
 * The outcome in spite of the error, or the error again. One rule that is `closed` refuses, whatever the others would do;
 * of the others, those that are `local` are counted here and those that are `open` are not.
 */
function recover<Rule extends Counted, Outcome extends LimitOutcome>(
  error: unknown,
  { counter, rules, taking }: Failed<Rule, Outcome>,
): MaybePromise<Outcome | LimitOutcome> {
  const { local } = taking.ports;
  const counted = rules.filter(({ onFault }) => onFault === 'local');
  const passed = rules.filter(({ onFault }) => onFault === 'open');
  const closed = counted.length + passed.length < rules.length;
  const mode = closed ? 'closed' : counted.length > 0 ? 'local' : 'open';
  taking.ports.onPolicyFault?.({ policy: counter.policy, mode, error });
  if (mode === 'open') return UNLIMITED;
  if (mode === 'closed' || local === undefined) throw error;
  return counter.local(counted, local, taking);
}

/** The rules of a requirement, each with the key of this caller's counter. */
export function keyed<Rule extends RequiredLimit | RequiredQuota | RequiredConcurrency>(
  rules: readonly Rule[],
  facts: TokenFacts,
  { address }: Circumstances,
): readonly Rule[] {
  return rules.map((rule) => ({ ...rule, key: counterKey(rule, facts, address) }));
}

/** A cost below 1 would give back what was spent. */
export function costOf({ cost }: Circumstances): number {
  if (!Number.isSafeInteger(cost) || cost < 1) throw new RangeError('a cost is a whole number from 1');
  return cost;
}

/** What a request holds while it is judged and while it runs: let go of when it is refused, and when it is over. */
import { chain, type MaybePromise } from './maybe-promise.ts';
import type { Held, Verdict } from './verdict.ts';

/** Judges further while something is held: a verdict that allows takes it over, every other end lets go of it. */
export function holding(held: Held | undefined, judge: () => MaybePromise<Verdict>): MaybePromise<Verdict> {
  if (held === undefined) return judge();
  const failed = (error: unknown): never => {
    held.end('refund');
    throw error;
  };
  try {
    const verdict = chain(judge(), (judged): Verdict => {
      if (judged.valid) return { ...judged, held: both(held, judged.held) };
      held.end('refund');
      return judged;
    });
    return verdict instanceof Promise ? verdict.catch(failed) : verdict;
  } catch (error) {
    return failed(error);
  }
}

export function both(first: Held | undefined, second: Held | undefined): Held | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return {
    end(how) {
      first.end(how);
      second.end(how);
    },
  };
}

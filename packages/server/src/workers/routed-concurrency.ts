/** Places of requests under way, of all workers together: one thread counts them, and frees those of a worker that died. */
import type { Concurrency, ConcurrencyRule, LimitOutcome } from '@tessera/verify';
import { once } from '../limits/once.ts';
import type { Conversation } from './conversation.ts';

/** What the counting thread answers. */
export type Placing = {
  readonly occupy: {
    readonly asks: {
      /** Names what is taken, among all that this worker takes. */
      readonly id: number;
      readonly rules: readonly ConcurrencyRule[];
      readonly mode: 'spend' | 'peek';
    };
    readonly answers: LimitOutcome;
  };
  readonly vacate: { readonly asks: number; readonly answers: unknown };
};

/** In a worker. `take` rejects where the counting thread does not answer in time; what it took all the same is freed. */
export function routedConcurrency(
  counting: Pick<Conversation<Placing>, 'ask' | 'tell'>,
  patienceMs: number,
): Concurrency {
  let ids = 0;
  return {
    async take(rules, mode) {
      const id = ++ids;
      const release = once(() => counting.tell('vacate', id));
      // Of a rule, only what counts is sent.
      const plain = rules.map(({ key, name, limit }) => ({ key, name, limit }));
      try {
        const outcome = await counting.ask('occupy', { id, rules: plain, mode }, patienceMs);
        return { ...outcome, release: outcome.allowed && mode === 'spend' ? release : undefined };
      } catch (error) {
        // What is told comes after what was asked.
        release();
        throw error;
      }
    },
  };
}

export interface Places {
  occupy(asked: Placing['occupy']['asks']): Promise<LimitOutcome>;
  vacate(id: number): void;
  /** The worker is gone: all that it held is free, and what it asked for last is not taken. */
  end(): void;
}

/** In the counting thread: what one worker holds. */
export function placesOf(concurrency: Concurrency): Places {
  const held = new Map<number, () => void>();
  let ended = false;
  return {
    async occupy({ id, rules, mode }) {
      const { release, ...outcome } = await concurrency.take(rules, mode);
      if (release === undefined) return outcome;
      if (ended) release();
      else held.set(id, release);
      return outcome;
    },
    vacate(id) {
      held.get(id)?.();
      held.delete(id);
    },
    end() {
      ended = true;
      for (const release of held.values()) release();
      held.clear();
    },
  };
}

/** Rate limits counted in Redis, by all nodes together: exact, all or nothing, by the time of the server. */
import type { Limiter, LimitOutcome, LimitRule } from '@tessera/verify';
import { newCounter } from '../gcra.ts';
import { type Judged, stateAfter } from '../judged.ts';
import { requireCost, requireDistinctKeys } from '../preconditions.ts';
import { ARGUMENTS_OF_A_RULE, gcraScript } from './gcra-script.ts';
import type { Keys } from './keys.ts';
import type { RedisLink } from './link.ts';
import type { Script } from './script.ts';

export interface RedisLimiterOptions {
  readonly link: Pick<RedisLink, 'run' | 'server'>;
  readonly keys: Keys;
  /** Hears with each answer since when Redis has counted. Must not throw. */
  readonly onMark: (mark: string) => void;
  /** Another clock than the server's, for tests of the arithmetic. */
  readonly script?: Script;
}

/**
 * @throws RangeError from `take` for a cost or rule that is not of whole numbers in range
 * @throws Error from `take` where two rules share a key; it rejects with what the link does, and for an answer that is none
 */
export function redisLimiter({ link, keys, onMark, script = gcraScript() }: RedisLimiterOptions): Limiter {
  return {
    take(rules, cost, mode) {
      requireCost(cost);
      requireDistinctKeys(rules);
      // A rule that cannot be counted exactly is refused before anything is sent.
      for (const rule of rules) newCounter(rule, 0);
      const asked = [keys.mark(link.server()), ...rules.map(({ key }) => keys.limit(key))];
      const args = [mode, ...rules.flatMap((rule) => argumentsOf(rule, cost))];
      return link.run(script, asked, args).then((answer): LimitOutcome => {
        const { mark, found } = readAnswer(answer, rules.length);
        onMark(mark);
        const judged = rules.map((rule, index): Judged => {
          const { admitted, backlog } = found[index] ?? NOT_TOLD;
          return {
            rule,
            counter: { ...newCounter(rule, 0), backlog },
            spent: cost * rule.cost,
            crowded: false,
            admitted,
          };
        });
        return { allowed: judged.every(({ admitted }) => admitted), states: judged.map(stateAfter) };
      });
    },
  };
}

interface Found {
  readonly admitted: boolean;
  readonly backlog: number;
}

const NOT_TOLD: Found = Object.freeze({ admitted: false, backlog: 0 });

/** Throws for whatever is not an answer of the script: it must not be read as `allowed`. */
function readAnswer(answer: unknown, rules: number): { readonly mark: string; readonly found: readonly Found[] } {
  const [mark, ...numbers]: readonly unknown[] = Array.isArray(answer) ? answer : [];
  if (typeof mark !== 'string' || numbers.length !== 2 * rules) throw new Error(NO_ANSWER);
  const found = Array.from({ length: rules }, (_, index): Found => {
    const admitted = numbers[2 * index];
    const backlog = Number(numbers[2 * index + 1]);
    if ((admitted !== 0 && admitted !== 1) || !Number.isSafeInteger(backlog)) throw new Error(NO_ANSWER);
    return { admitted: admitted === 1, backlog };
  });
  return { mark, found };
}

const NO_ANSWER = 'Redis answered what no counter says';

function argumentsOf(rule: LimitRule, cost: number): readonly string[] {
  const numbers = [rule.limit, rule.windowSeconds * 1000, rule.burst, cost * rule.cost];
  if (numbers.length !== ARGUMENTS_OF_A_RULE) throw new Error('the script reads another number of arguments');
  return numbers.map(String);
}

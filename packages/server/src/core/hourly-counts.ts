/** Verdicts counted by token and hour. One entry for each, however long the store does not take them. */
import type { UsageCount } from './model.ts';

const HOUR_MS = 3_600_000;

/** The start of its hour. Both in milliseconds since the epoch. */
export function hourOf(time: number): number {
  return time - (time % HOUR_MS);
}

type Count = { -readonly [K in keyof UsageCount]: UsageCount[K] };

export class HourlyCounts {
  readonly #hours = new Map<number, Map<string, Count>>();
  /** The hour that was counted last, at hand: it is nearly always the next one, too. */
  #current: { readonly hour: number; readonly tokens: Map<string, Count> } | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** `time` in milliseconds since the epoch. */
  count(token: string, time: number, allowed: boolean): void {
    const counted = this.#of(token, hourOf(time));
    if (allowed) counted.allowed += 1;
    else counted.denied += 1;
  }

  /** Takes up to so many out. */
  take(most: number): UsageCount[] {
    const taken: UsageCount[] = [];
    for (const [hour, tokens] of this.#hours) {
      for (const [token, counted] of tokens) {
        if (taken.length === most) break;
        taken.push(counted);
        tokens.delete(token);
      }
      if (tokens.size > 0) break;
      this.#hours.delete(hour);
      this.#current = undefined;
    }
    this.#size -= taken.length;
    return taken;
  }

  /** Adds what could not be written to what was counted since. */
  giveBack(counts: readonly UsageCount[]): void {
    for (const { token, hour, allowed, denied } of counts) {
      const counted = this.#of(token, hour);
      counted.allowed += allowed;
      counted.denied += denied;
    }
  }

  #of(token: string, hour: number): Count {
    if (this.#current?.hour !== hour) {
      const tokens = this.#hours.get(hour) ?? new Map<string, Count>();
      this.#hours.set(hour, tokens);
      this.#current = { hour, tokens };
    }
    const { tokens } = this.#current;
    const known = tokens.get(token);
    if (known !== undefined) return known;
    const fresh = { token, hour, allowed: 0, denied: 0 };
    tokens.set(token, fresh);
    this.#size += 1;
    return fresh;
  }
}

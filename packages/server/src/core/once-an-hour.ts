/** What would repeat itself endlessly is told once an hour, each by its name. */

export interface OnceAnHour {
  /** Whether an hour has passed since this was last news; if so, it is now. `now` in milliseconds since 1970. */
  isNews(name: string, now: number): boolean;
  /** It is news again: what was told was lost. */
  forget(name: string): void;
}

const HOUR_MS = 3_600_000;

/** `most`: where more names than that come in an hour, some are told again. */
export function onceAnHour(most: number): OnceAnHour {
  const told = new Map<string, number>();
  return {
    isNews(name, now) {
      if (now - (told.get(name) ?? Number.NEGATIVE_INFINITY) < HOUR_MS) return false;
      if (told.size >= most) told.clear();
      told.set(name, now);
      return true;
    },
    forget: (name) => void told.delete(name),
  };
}

/** What fails over and over for one reason is a line every ten seconds, with how often it failed: an outage must not fill a disk. */

/** What a line of the log says of it. */
export interface Failure {
  readonly err: unknown;
  /** How often it failed so since the line before, this time not counted. Absent: not once. */
  readonly repeats?: number;
}

const EVERY_MS = 10_000;
/** Where reasons are more than this, some are told again. */
const MOST_REASONS = 50;

/** Tells the first failure at once, and of its like one every ten seconds. `monotonic` in milliseconds. */
export function toldRarely(monotonic: () => number, tell: (failure: Failure) => void): (err: unknown) => void {
  const told = new Map<string, { readonly at: number; repeats: number }>();
  return (err) => {
    const reason = err instanceof Error ? `${err.name}: ${err.message}` : String(err);
    const now = monotonic();
    const before = told.get(reason);
    if (before !== undefined && now - before.at < EVERY_MS) {
      before.repeats += 1;
      return;
    }
    if (told.size >= MOST_REASONS) told.clear();
    told.set(reason, { at: now, repeats: 0 });
    tell(before === undefined || before.repeats === 0 ? { err } : { err, repeats: before.repeats });
  };
}

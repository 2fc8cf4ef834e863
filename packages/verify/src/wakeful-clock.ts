/** A clock for what must not outlast its time: it never steps back, and it goes on while the process or the whole machine sleeps. */

/** Between the two clocks, so that neither their grain nor a slow correction counts as a sleep. */
const TOLERANCE_MS = 50;

/**
 * Milliseconds from some moment on. The monotonic clock of Linux counts while a process is stopped, but not while its machine
 * is suspended (clock_gettime(2)); the wall clock does. Where that one gains, the time has passed, or somebody has set it:
 * then something is asked again too early, and nothing too late.
 */
export function wakefulClock(clocks: {
  /** As `performance.now`. */
  readonly monotonic: () => number;
  /** As `Date.now`. */
  readonly wall: () => number;
  /** Whether to look at the wall clock, too. Default: always. */
  readonly looks?: () => boolean;
}): () => number {
  const { monotonic, wall, looks = () => true } = clocks;
  let between = wall() - monotonic();
  let slept = 0;
  return () => {
    const now = monotonic();
    if (!looks()) return now + slept;
    const gained = wall() - now - between;
    if (gained > TOLERANCE_MS) slept += gained;
    if (Math.abs(gained) > TOLERANCE_MS) between += gained;
    return now + slept;
  };
}

/** What is stale and what has expired, told for one verdict after another. */
export interface VerdictClocks {
  /** As {@link wakefulClock}. */
  readonly monotonic: () => number;
  /** Whole milliseconds since the epoch. Right after `monotonic` it is the same moment's, and costs no reading of its own. */
  readonly wall: () => number;
}

/**
 * Both clocks, for many verdicts a second. The wall clock is read once in each synchronous run, and told from the monotonic one for the
 * rest of it: what was begun before a machine slept, and goes on when it wakes, ends as it began.
 */
export function verdictClocks(clocks: Pick<Parameters<typeof wakefulClock>[0], 'monotonic' | 'wall'>): VerdictClocks {
  let isOfThisRun = false;
  let latest = 0;
  /** The wall clock less the monotonic one, in this run. */
  let between = 0;
  const end = (): void => {
    isOfThisRun = false;
  };
  const monotonic = wakefulClock({
    monotonic: () => {
      latest = clocks.monotonic();
      return latest;
    },
    wall: () => {
      const now = clocks.wall();
      between = now - latest;
      return now;
    },
    looks: () => {
      if (isOfThisRun) return false;
      isOfThisRun = true;
      void Promise.resolve().then(end);
      return true;
    },
  });
  return { monotonic, wall: () => (isOfThisRun ? Math.floor(latest + between) : clocks.wall()) };
}

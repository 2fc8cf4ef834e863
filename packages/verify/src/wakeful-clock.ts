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

/**
 * True once in each synchronous run: what was begun before a machine slept, and goes on when it wakes, ends as it began. So a
 * clock that is read for every verdict costs no second reading for each of many that are made together.
 */
export function onceARun(): () => boolean {
  let isSaid = false;
  const end = (): void => {
    isSaid = false;
  };
  return () => {
    if (isSaid) return false;
    isSaid = true;
    void Promise.resolve().then(end);
    return true;
  };
}

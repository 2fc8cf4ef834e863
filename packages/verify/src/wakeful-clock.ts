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
}): () => number {
  const { monotonic, wall } = clocks;
  let between = wall() - monotonic();
  let slept = 0;
  return () => {
    const now = monotonic();
    const gained = wall() - now - between;
    if (gained > TOLERANCE_MS) slept += gained;
    if (Math.abs(gained) > TOLERANCE_MS) between += gained;
    return now + slept;
  };
}

/** Keeps so many threads serving: where one dies it starts another, later each time it dies again at once. */

/** What is supervised; `thread.ts` makes them. */
export interface Supervised {
  readonly ready: Promise<unknown>;
  readonly gone: Promise<Error | undefined>;
  end(): Promise<void>;
}

export interface SupervisorOptions<T extends Supervised> {
  readonly count: number;
  readonly start: () => T;
  /** A thread has died that was not told to. Another one starts after so many milliseconds. */
  readonly onLost: (thread: T, loss: { readonly error: Error | undefined; readonly againInMs: number }) => void;
  readonly backoff?: Backoff;
}

export interface Backoff {
  /** After the first death; twice as long after each that follows. */
  readonly firstMs: number;
  readonly mostMs: number;
  /** Who has served for so long dies for the first time. */
  readonly forgottenMs: number;
}

export interface Supervisor<T> {
  /** Those that serve or are about to. */
  threads(): readonly T[];
  /** Replaces none from now on, and returns those that there are. */
  release(): readonly T[];
}

const BACKOFF: Backoff = Object.freeze({ firstMs: 100, mostMs: 30_000, forgottenMs: 60_000 });

/** Resolves when all of them serve. Rejects where one cannot at the start; then none is left. */
export async function supervise<T extends Supervised>(options: SupervisorOptions<T>): Promise<Supervisor<T>> {
  const { count, start, onLost, backoff = BACKOFF } = options;
  const threads = new Set<T>();
  const timers = new Set<NodeJS.Timeout>();
  let released = false;
  let serving = false;

  /** One of so many places: whoever dies is replaced in its own. */
  const occupy = (deathsBefore: number): T => {
    const begun = performance.now();
    const thread = start();
    threads.add(thread);
    void thread.gone.then((error) => {
      threads.delete(thread);
      if (released || !serving) return;
      const deaths = performance.now() - begun < backoff.forgottenMs ? deathsBefore + 1 : 1;
      const againInMs = Math.min(backoff.mostMs, backoff.firstMs * 2 ** (deaths - 1));
      const timer = setTimeout(() => {
        timers.delete(timer);
        occupy(deaths);
      }, againInMs);
      timers.add(timer);
      onLost(thread, { error, againInMs });
    });
    return thread;
  };
  const release = (): readonly T[] => {
    released = true;
    for (const timer of timers) clearTimeout(timer);
    return [...threads];
  };

  try {
    // The first one alone: where the system chooses the ports, the others take what it was given.
    await occupy(0).ready;
    await Promise.all(Array.from({ length: count - 1 }, () => occupy(0).ready));
    serving = true;
  } catch (error) {
    await Promise.all(release().map((thread) => thread.end()));
    throw error;
  }
  return { threads: () => [...threads], release };
}

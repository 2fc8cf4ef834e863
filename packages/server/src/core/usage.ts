/** Counting every call: per token and hour, with last use, gathered in memory and written in batches. */
import { randomUUID } from 'node:crypto';
import { setImmediate as turnOver } from 'node:timers/promises';
import { type DigestKey, digestBytes, type TokenFacts } from '@tessera/verify';
import { HourlyCounts } from './hourly-counts.ts';
import { lastUses, type Use } from './last-uses.ts';
import type { LastUse, UsageCount } from './model.ts';
import { writeOnce } from './numbered-batch.ts';
import { OutcomeUnknown, type Store, type Tx } from './store-port.ts';
import { activate } from './tokens/rotate.ts';

export interface UsageOptions {
  readonly store: Pick<Store, 'write'>;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

export interface Usage {
  /** Counts a verdict on a known token. Costs no I/O. */
  count(allowed: boolean, facts: TokenFacts): void;
  /** Counts that are not written yet. */
  buffered(): number;
  start(): void;
  /** Stops the timer and writes what is left. */
  stop(): Promise<void>;
  flush(): Promise<void>;
}

const FLUSH_MS = 1000;
/** Rows of one unit of work: administrators' writes wait until it is over, and take their turn before the next. */
const MAX_ROWS = 512;
/**
 * Rows that are put in order at once, while requests wait. Neighbours in the table are then written together, several to a page:
 * of a hundred thousand tokens, each in a second of its own, it would be a page for each.
 */
const SORTED_ROWS = 4096;

/** What is written at once. It keeps its number until it is known whether it was written. */
interface Batch {
  readonly number: number;
  readonly counts: readonly UsageCount[];
  readonly uses: readonly Use[];
}

export function createUsage({ store, now, onError }: UsageOptions): Usage {
  const counts = new HourlyCounts();
  const uses = lastUses();
  const activating = new Set<DigestKey>();
  const sender = `usage:${randomUUID()}`;
  let batches = 0;
  /** Its commit lost its answer: it is asked after before anything else is written. */
  let unsure: Batch | undefined;
  /** Taken out of the counts, and next to be written. */
  let waiting: UsageCount[] = [];
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const firstUse = ({ secret: { key }, workspace, id: token }: TokenFacts): void => {
    if (activating.has(key)) return;
    activating.add(key);
    const use = { workspace: workspace.id, token, digest: digestBytes(key), now: now() };
    // Should it fail, the next use tries again: the secret stays pending and valid.
    store
      .write((tx) => activate(tx, use))
      .catch(onError)
      .finally(() => activating.delete(key));
  };

  const put = (tx: Tx, { number, counts, uses }: Batch): Promise<boolean> =>
    writeOnce(tx, { sender, number, now: now() }, async () => {
      if (counts.length > 0) await tx.addUsage(counts);
      if (uses.length > 0) await tx.touch(uses.map(lastUseOf));
    });

  /** Whether it is written, as far as one can tell. What is not, is kept for the next time. */
  const write = async (batch: Batch): Promise<boolean> => {
    try {
      await store.write((tx) => put(tx, batch));
      unsure = undefined;
      return true;
    } catch (error) {
      onError(error);
      if (error instanceof OutcomeUnknown || unsure === batch) {
        unsure = batch;
      } else {
        counts.giveBack(batch.counts);
        uses.giveBack(batch.uses);
      }
      return false;
    }
  };

  const writeAll = async (which: 'due' | 'all'): Promise<void> => {
    if (unsure !== undefined && !(await write(unsure))) return;
    const due = uses.take(now(), which);
    // What is counted meanwhile waits for its own turn.
    for (let left = counts.size; left > 0 || due.length > 0; left -= SORTED_ROWS) {
      waiting = counts.take(Math.min(Math.max(left, 0), SORTED_ROWS)).sort(byToken);
      do {
        const batch = { number: ++batches, counts: waiting.splice(0, MAX_ROWS), uses: due.splice(0, MAX_ROWS) };
        if (!(await write(batch))) {
          counts.giveBack(waiting.splice(0));
          uses.giveBack(due);
          return;
        }
        await turnOver();
      } while (waiting.length > 0);
    }
  };

  const flush = (which: 'due' | 'all'): Promise<void> => {
    running = running.then(() => writeAll(which));
    return running;
  };

  return {
    count(allowed, facts) {
      const time = now();
      counts.count(facts.id, time, allowed);
      if (!allowed) return;
      uses.used(facts.secret.key, facts.id, time);
      if (facts.secret.state === 'pending') firstUse(facts);
    },
    buffered: () => counts.size + waiting.length + (unsure?.counts.length ?? 0),
    start() {
      timer = setInterval(() => void flush('due'), FLUSH_MS);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      await flush('all');
    },
    flush: () => flush('due'),
  };
}

/** As the table is ordered. */
function byToken(one: UsageCount, other: UsageCount): number {
  return one.token < other.token ? -1 : Number(one.token > other.token);
}

function lastUseOf({ secret, token, at }: Use): LastUse {
  return { token, digest: digestBytes(secret), at };
}

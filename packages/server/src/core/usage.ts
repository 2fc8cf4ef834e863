/** Counting every call: per token and hour, with last use, gathered in memory and written in batches. */
import type { TokenFacts } from '@tessera/verify';
import { type DigestKey, digestBytes } from '@tessera/verify';
import type { LastUse, UsageCount } from './model.ts';
import type { Store } from './store-port.ts';
import { activate } from './tokens/rotate.ts';

export interface UsageOptions {
  readonly store: Pick<Store, 'write'>;
  readonly now: () => number;
  readonly flushMs?: number;
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

interface Gathered {
  allowed: number;
  denied: number;
  usedAt: number;
  secret: DigestKey;
}

const HOUR = 3_600_000;
const LAST_USE_EVERY_MS = 60_000;
const DEFAULT_FLUSH_MS = 1000;

export function createUsage({ store, now, flushMs = DEFAULT_FLUSH_MS, onError }: UsageOptions): Usage {
  let gathered = new Map<string, Gathered>();
  let hour = 0;
  /** When the last use of a secret was last written. */
  const touched = new Map<DigestKey, number>();
  const activating = new Set<DigestKey>();
  const closedHours: UsageCount[] = [];
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const countsOf = (): UsageCount[] =>
    [...gathered].map(([token, { allowed, denied }]) => ({ token, hour, allowed, denied }));

  const firstUse = (facts: TokenFacts): void => {
    const { key } = facts.secret;
    if (activating.has(key)) return;
    activating.add(key);
    const use = { workspace: facts.workspace.id, token: facts.id, digest: digestBytes(key), now: now() };
    // Should it fail, the next use tries again: the secret stays pending and valid.
    store
      .write((tx) => activate(tx, use))
      .catch(onError)
      .finally(() => activating.delete(key));
  };

  const write = async (): Promise<void> => {
    const counts = [...closedHours.splice(0), ...countsOf()];
    const taken = gathered;
    gathered = new Map();
    const time = now();
    for (const [key, at] of touched) if (time - at >= LAST_USE_EVERY_MS) touched.delete(key);
    const uses: LastUse[] = [];
    for (const [token, { usedAt, secret }] of taken) {
      if (usedAt > 0 && !touched.has(secret)) uses.push({ token, digest: digestBytes(secret), at: usedAt });
    }
    if (counts.length === 0) return;
    try {
      await store.write(async (tx) => {
        await tx.addUsage(counts);
        if (uses.length > 0) await tx.touch(uses);
      });
      for (const [, { usedAt, secret }] of taken) if (usedAt > 0 && !touched.has(secret)) touched.set(secret, time);
    } catch (error) {
      // Nothing was written: what was counted is kept for the next time.
      closedHours.push(...counts);
      onError(error);
    }
  };

  const flush = (): Promise<void> => {
    running = running.then(write);
    return running;
  };

  return {
    count(allowed, facts) {
      const time = now();
      const current = time - (time % HOUR);
      if (current !== hour) {
        closedHours.push(...countsOf());
        gathered = new Map();
        hour = current;
      }
      const seen = gathered.get(facts.id) ?? { allowed: 0, denied: 0, usedAt: 0, secret: facts.secret.key };
      if (allowed) {
        seen.allowed += 1;
        seen.usedAt = time;
        seen.secret = facts.secret.key;
        if (facts.secret.state === 'pending') firstUse(facts);
      } else {
        seen.denied += 1;
      }
      gathered.set(facts.id, seen);
    },
    buffered: () => gathered.size + closedHours.length,
    start() {
      timer = setInterval(() => void flush(), flushMs);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
      await flush();
    },
    flush,
  };
}

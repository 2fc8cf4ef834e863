/** What is told to the server of the verdicts made here: how many a token had in each hour, and when a secret was last used. */
import type { DigestKey } from '../../digest.ts';
import type { TokenFacts } from '../../ports.ts';
import { type ServerCalls, ServerRefused } from './server-calls.ts';
import { digestOnWire } from './wire.ts';

export interface UsageReports {
  /** Counts a verdict on a known token. Costs no I/O, and allocates nothing for a secret that was used before. */
  count(allowed: boolean, facts: TokenFacts): void;
  /** Equal facts, for keeping: what counts them is at hand in them, and need not be looked up for each verdict. */
  counted(facts: TokenFacts): TokenFacts;
  /** Sends what was counted, batch after batch, until nothing is left or one is not acknowledged. */
  send(): Promise<void>;
  /** Rows that the server has not acknowledged. */
  waiting(): number;
  /** Verdicts whose count was given up, since too many rows waited or the server refused them. */
  lost(): number;
}

export interface UsageReportsOptions {
  readonly calls: Pick<ServerCalls, 'postAgain'>;
  /** Names this process to the server: with it and its number a batch is counted once, however often it is sent. */
  readonly verifier: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Rows that wait at most, and secrets that are followed at most. */
  readonly most?: number;
  readonly onError: (error: unknown) => void;
}

/** A secret, with what was counted since the last gathering. */
interface Used {
  readonly token: string;
  readonly digest: DigestKey;
  allowed: number;
  denied: number;
  isDirty: boolean;
  /** Waits for its first use, which the server must hear of before its minute is over. */
  isPending: boolean;
  /** Whether it is among those that are gone through once a minute. */
  isFollowed: boolean;
  /** Of the last gathering that found it used. */
  usedAt: number;
  /** The use that was told last. */
  toldAt: number;
}

const counter: unique symbol = Symbol('counter');

interface Counted extends TokenFacts {
  readonly [counter]?: Used;
}

interface Row {
  readonly token: string;
  readonly hour: number;
  allowed: number;
  denied: number;
}

interface Use {
  readonly digest: string;
  readonly at: number;
}

interface Batch {
  readonly verifier: string;
  readonly number: number;
  readonly counts: readonly Row[];
  readonly uses: readonly Use[];
}

const HOUR_MS = 3_600_000;
/** Last uses are told so often, as the server writes them. */
const USE_EVERY_MS = 60_000;
/** Rows of a batch, as the contract bounds them. */
const MOST_ROWS = 1000;
const DEFAULT_MOST = 100_000;

export function usageReports(options: UsageReportsOptions): UsageReports {
  const { calls, verifier, now, onError, most = DEFAULT_MOST } = options;
  const bySecret = new Map<DigestKey, Used>();
  let dirty: Used[] = [];
  const rows = new Map<string, Row>();
  const uses = new Map<DigestKey, number>();
  /** Sent, and not acknowledged: it keeps its number and what it says until it is. */
  let unsure: Batch | undefined;
  let number = 0;
  let lost = 0;
  let sweptAt = now();
  let sending: Promise<void> | undefined;

  const usedOf = ({ id, secret: { key } }: TokenFacts): Used =>
    bySecret.get(key) ?? {
      token: id,
      digest: key,
      allowed: 0,
      denied: 0,
      isDirty: false,
      isPending: false,
      isFollowed: false,
      usedAt: 0,
      toldAt: Number.NEGATIVE_INFINITY,
    };

  /** The first verdict since the last gathering. */
  const soil = (used: Used, facts: TokenFacts): void => {
    if (!used.isFollowed) {
      if (bySecret.size >= most) return;
      used.isFollowed = true;
      bySecret.set(used.digest, used);
    }
    used.isDirty = true;
    used.isPending = facts.secret.state === 'pending';
    dirty.push(used);
  };

  /** What was counted in the last second becomes rows. It counts for the hour in which it is gathered. */
  const gather = (): void => {
    const time = now();
    const hour = time - (time % HOUR_MS);
    for (const used of dirty) {
      add({ token: used.token, hour, allowed: used.allowed, denied: used.denied });
      if (used.allowed > 0) noteUse(used, time);
      used.allowed = 0;
      used.denied = 0;
      used.isDirty = false;
    }
    dirty = [];
    if (Math.abs(time - sweptAt) >= USE_EVERY_MS) sweep(time);
  };

  const add = (row: Row): void => {
    const key = `${row.hour} ${row.token}`;
    const known = rows.get(key);
    if (known !== undefined) {
      known.allowed += row.allowed;
      known.denied += row.denied;
    } else if (rows.size < most) {
      rows.set(key, row);
    } else {
      lost += row.allowed + row.denied;
    }
  };

  const noteUse = (used: Used, time: number): void => {
    used.usedAt = time;
    // A clock that was set back leaves times that are to come.
    if (!used.isPending && Math.abs(time - used.toldAt) < USE_EVERY_MS) return;
    if (tell(used, time)) used.isPending = false;
  };

  /** False where too many wait: the server takes none for a long while, and what is used meanwhile is no longer told when. */
  const tell = (used: Used, at: number): boolean => {
    if (uses.size >= most && !uses.has(used.digest)) return false;
    used.toldAt = at;
    uses.set(used.digest, at);
    return true;
  };

  /** Those that were used since they were told last are told; those that are no longer used are forgotten. */
  const sweep = (time: number): void => {
    sweptAt = time;
    for (const used of bySecret.values()) {
      if (used.usedAt > used.toldAt) tell(used, used.usedAt);
      if (Math.abs(time - used.usedAt) < USE_EVERY_MS || used.isDirty) continue;
      used.isFollowed = false;
      bySecret.delete(used.digest);
    }
  };

  const next = (): Batch | undefined => {
    const counts: Row[] = [];
    for (const [key, row] of rows) {
      if (counts.length === MOST_ROWS) break;
      counts.push(row);
      rows.delete(key);
    }
    const told: Use[] = [];
    for (const [digest, at] of uses) {
      if (told.length === MOST_ROWS) break;
      told.push({ digest: digestOnWire(digest), at });
      uses.delete(digest);
    }
    if (counts.length + told.length === 0) return undefined;
    number += 1;
    return { verifier, number, counts, uses: told };
  };

  const sendAll = async (): Promise<void> => {
    gather();
    for (;;) {
      unsure ??= next();
      if (unsure === undefined) return;
      try {
        await calls.postAgain('/v1/usage', unsure);
      } catch (error) {
        onError(error);
        // What the server refuses for what it says will never be taken, and must not hold up the rest.
        if (!(error instanceof ServerRefused) || error.isOfCaller) return;
        for (const { allowed, denied } of unsure.counts) lost += allowed + denied;
      }
      unsure = undefined;
    }
  };

  return {
    count(allowed, facts: Counted) {
      const used = facts[counter] ?? usedOf(facts);
      if (!used.isDirty) soil(used, facts);
      if (!used.isDirty) lost += 1;
      else if (allowed) used.allowed += 1;
      else used.denied += 1;
    },
    counted: (facts): Counted => Object.freeze({ ...facts, [counter]: usedOf(facts) }),
    send() {
      sending ??= sendAll().finally(() => {
        sending = undefined;
      });
      return sending;
    },
    waiting: () => rows.size + uses.size + dirty.length + (unsure?.counts.length ?? 0) + (unsure?.uses.length ?? 0),
    lost: () => lost,
  };
}

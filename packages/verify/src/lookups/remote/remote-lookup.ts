/**
 * The lookup of a verifier: facts in memory, dropped when the feed says so, believed for as long as the feed proves that nothing
 * was missed, and asked for again where it does not. Facts are kept, never verdicts: nothing is reused for what it was not judged for.
 */
import type { DigestKey } from '../../digest.ts';
import type { MaybePromise } from '../../maybe-promise.ts';
import type { TokenFacts, TokenLookup } from '../../ports.ts';
import type { AbsentDigests } from './absent-digests.ts';
import { factsAhead } from './ahead.ts';
import type { ImportedTexts } from './imported-texts.ts';
import type { KeptFacts } from './kept-facts.ts';
import type { Found, LookUps } from './look-ups.ts';
import type { News } from './news.ts';
import { type Change, introduces, type RecentChanges } from './recent-changes.ts';
import { ServerRefused, ServerUnavailable } from './server-calls.ts';

export interface RemoteLookupParts {
  readonly news: Pick<News, 'fresh' | 'ageMs'>;
  readonly kept: KeptFacts;
  readonly absent: AbsentDigests;
  readonly recent: RecentChanges;
  readonly imports: ImportedTexts;
  readonly lookUps: Pick<LookUps, 'find' | 'refresh' | 'anew'>;
  /** Equal facts, in the form in which they are kept. */
  readonly forKeeping: (facts: TokenFacts) => TokenFacts;
  /** Where the server cannot answer, what is kept is served until news is older than this. 0: never. */
  readonly dangerouslyServeStaleForMs: number;
  /** Waits; default: a timer. */
  readonly pause?: (ms: number) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

export interface RemoteLookup extends TokenLookup {
  /** A change of the feed: it is applied when this returns. */
  change(change: Change): void;
  /** Every change up to this position was applied. */
  reached(position: number): void;
  /** The feed goes on from this position, perhaps of another history than that which answered look-ups meanwhile. */
  resumed(position: number): void;
  /** The feed begins anew at this position: nothing that is kept can be relied on. */
  restart(position: number): void;
  /** The server will no longer answer this verifier: nothing is kept. */
  forget(): void;
  counts(): Readonly<Record<LookupOutcome, number>>;
}

/** `recheck`: it was kept, and not believed; `stale`: it was served all the same, as the service asked for by name. */
export type LookupOutcome = 'hit' | 'miss' | 'absent' | 'recheck' | 'stale';

/** How often facts are asked for that change while they are on their way, and how long is waited before the second time. */
const TRIES = 5;
const PAUSE_MS = 20;
/** More than are looked up between two beats. */
const MOST_AHEAD = 20_000;

export function remoteLookup(parts: RemoteLookupParts): RemoteLookup {
  const { news, kept, absent, recent, imports, lookUps, forKeeping, dangerouslyServeStaleForMs, onError } = parts;
  const pause = parts.pause ?? timer;
  const counts: Record<LookupOutcome, number> = { hit: 0, miss: 0, absent: 0, recheck: 0, stale: 0 };
  const ahead = factsAhead({ most: MOST_AHEAD, onFull: kept.delete });
  /** The newest position that anything was looked up at. */
  let newest = Number.NEGATIVE_INFINITY;

  /** What was read is kept where every change since then is known and none of them is of it. */
  const arrived = (digest: DigestKey, { facts, seq }: Found): 'usable' | 'outdated' => {
    newest = Math.max(newest, seq);
    const judgement = recent.judge(seq, facts);
    if (judgement === 'changed') return 'outdated';
    // Whatever was kept was read earlier.
    if (judgement === 'unknown' || facts === undefined) kept.delete(digest);
    if (judgement === 'holds') {
      if (facts === undefined) absent.add(digest);
      else {
        kept.keep(digest, facts);
        ahead.kept(digest, seq);
      }
    }
    return 'usable';
  };

  const ask = async (digest: DigestKey): Promise<TokenFacts | undefined> => {
    for (let tried = 1; tried <= TRIES; tried += 1) {
      const { facts: read, seq } = await lookUps.find(digest);
      // In one form also for the verdict that they were read for: code that sees one is the fastest.
      const facts = read && forKeeping(read);
      if (arrived(digest, { facts, seq }) === 'usable') return facts;
      // Another node answered, that had not heard of the change yet.
      await pause(PAUSE_MS * 2 ** tried);
    }
    throw new ServerUnavailable('a token changed as often as it was looked up');
  };

  /** Only where nobody answers: a refusal is an answer, and who may no longer ask may no longer know. */
  const inSpite = (digest: DigestKey, error: unknown): TokenFacts => {
    if (error instanceof ServerRefused && error.isOfCaller) forget();
    const facts = kept.get(digest);
    const isServable = error instanceof ServerUnavailable && news.ageMs() <= dangerouslyServeStaleForMs;
    if (facts === undefined || dangerouslyServeStaleForMs === 0 || !isServable) throw error;
    counts.stale += 1;
    return facts;
  };

  const forget = (): void => {
    kept.clear();
    absent.clear();
    ahead.clear();
    newest = Number.NEGATIVE_INFINITY;
  };

  const known = (digest: DigestKey): TokenFacts | undefined => {
    const facts = news.fresh() ? kept.get(digest) : undefined;
    if (facts !== undefined) counts.hit += 1;
    return facts;
  };

  return {
    known,
    find(digest): MaybePromise<TokenFacts | undefined> {
      const facts = known(digest);
      if (facts !== undefined) return facts;
      if (news.fresh() && absent.has(digest)) {
        counts.absent += 1;
        return undefined;
      }
      counts[kept.get(digest) === undefined ? 'miss' : 'recheck'] += 1;
      return ask(digest).catch((error: unknown) => inSpite(digest, error));
    },
    keep: (digest, facts) => kept.keep(digest, forKeeping(facts)),
    imported: (text) => imports.digestsOf(text),
    change(change) {
      recent.add(change);
      kept.drop(change);
      if (introduces(change)) absent.clear();
      if (change.kind === 'token.imported') lookUps.refresh().catch(onError);
    },
    reached: ahead.reached,
    resumed(position) {
      lookUps.anew();
      for (const digest of ahead.take()) kept.delete(digest);
      absent.clear();
      // What imported tokens look like was told with them.
      if (newest > position) lookUps.refresh().catch(onError);
    },
    restart(position) {
      lookUps.anew();
      recent.restart(position);
      forget();
      ahead.reached(position);
      lookUps.refresh().catch(onError);
    },
    forget,
    counts: () => ({ ...counts }),
  };
}

function timer(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

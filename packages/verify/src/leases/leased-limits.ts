/** Approximate limits, counted here: shares that the server counted are spent without a call, and followed by the next ones. */
import type { DigestKey } from '../digest.ts';
import type { LimitOutcome, LimitRule, TokenFacts } from '../ports.ts';
import type { LimitState } from '../verdict.ts';
import type { AskForLease } from './lease-wire.ts';
import {
  answered,
  asked,
  held,
  isDue,
  isOf,
  isRefused,
  newShare,
  refusedState,
  type Share,
  spend,
  stateOf,
  wanted,
} from './share.ts';

type Leased = Pick<TokenFacts, 'limits' | 'secret'>;

export interface LeasedOutcome extends LimitOutcome {
  /** The server has to be asked for the verdict, since it gives no shares of this; nothing was spent, and nothing is allowed by this. */
  readonly exactly?: true;
}

export interface LeasedLimits {
  /** Spends of all limits of the token or of none, or refuses as the server did just now; undefined: it has to be asked. */
  takeHeld(facts: Leased, cost: number): LeasedOutcome | undefined;
  /** As `takeHeld`, after asking for what lacks. Rejects where the server cannot be asked: nothing passes that was not counted. */
  take(facts: Leased, cost: number): Promise<LeasedOutcome>;
  /** Limits of which anything is remembered. */
  size(): number;
  forget(): void;
}

export interface LeasedLimitsOptions {
  readonly ask: AskForLease;
  /** Milliseconds on a clock that never steps and goes on while the process is paused. */
  readonly monotonic: () => number;
  /** Limits that are remembered at once; default 100,000. What a forgotten one held stays counted. */
  readonly most?: number;
  /** Requests of one token that wait for shares at once; default 2,000, and four times as many of all. One more is refused as over its limit. */
  readonly mostWaiting?: number;
  /** Hears why a share could not be had ahead of its use. Must not throw. */
  readonly onError: (error: unknown) => void;
}

/** A share with the question that is under way for it. */
interface Followed extends Share {
  /** Requests that wait, of tokens whose first limit this is: none but those with that limit of their own. */
  takers: number;
  asking: Asking | undefined;
  /** Why the last question failed; it is not asked again before `failedUntil`. Undefined: it did not. */
  failure: Error | undefined;
  failedUntil: number;
  /** The server gives no shares of this before so long. */
  exactUntil: number;
}

interface Asking {
  /** What waits for it; it grows until the question is sent. */
  waiting: number;
  isSent: boolean;
  readonly done: Promise<void>;
}

/** A limit of the token that is judged, and what is held of it. */
interface Part {
  readonly rule: LimitRule;
  readonly share: Followed;
}

/** Each question is answered with half of what is left, or a refusal: of a million, twenty times. */
const TRIES = 32;
/** Of all tokens together so many times what one may have waiting: a flood with one token is not for the others to bear. */
const MOST_CROWDS = 4;
const AFTER_FAILURE_MS = 250;
const EXACT_MS = 1000;
const EXACTLY: LeasedOutcome = Object.freeze({ allowed: false, exactly: true, states: Object.freeze([]) });
const NEVER = Number.NEGATIVE_INFINITY;
/** Limits looked at for each new one, to forget those that are no longer used. */
const SWEEP = 2;
/** No refusal is remembered for longer. */
const IDLE_MS = 10_000;

/** Whether all that counts a token's requests are limits that may be counted here. */
export function isLeased({ limits, quotas, shadow }: TokenFacts): boolean {
  if (limits.length === 0 || quotas.length > 0 || shadow !== undefined) return false;
  for (const { mode } of limits) if (mode !== 'approximate') return false;
  return true;
}

export function leasedLimits(options: LeasedLimitsOptions): LeasedLimits {
  const { ask, monotonic, onError, most = 100_000, mostWaiting = 2000 } = options;
  const shares = new Map<string, Followed>();
  let waiting = 0;

  const shareOf = (rule: LimitRule): Followed => {
    const known = shares.get(rule.key);
    if (known !== undefined && isOf(known, rule)) return known;
    if (known === undefined) makeRoom();
    const share: Followed = {
      ...newShare(rule, monotonic()),
      takers: 0,
      asking: undefined,
      failure: undefined,
      failedUntil: NEVER,
      exactUntil: NEVER,
    };
    shares.set(rule.key, share);
    return share;
  };

  /** A Map keeps the order of insertion: those that are in use go to its end, and come to its start again. */
  const makeRoom = (): void => {
    const now = monotonic();
    for (let looks = 0; looks < SWEEP; looks += 1) {
      const [oldest] = shares;
      if (oldest === undefined) return;
      const [key, share] = oldest;
      shares.delete(key);
      const isIdle = share.asking === undefined && held(share, now) === 0 && now - share.askedAt >= IDLE_MS;
      if (!isIdle) shares.set(key, share);
    }
    if (shares.size < most) return;
    const [oldest] = shares.keys();
    if (oldest !== undefined) shares.delete(oldest);
  };

  const send = async ({ rule, share }: Part, digest: DigestKey, atLeast: number): Promise<void> => {
    // Whatever comes in this turn waits for the same question.
    await Promise.resolve();
    const askedAt = monotonic();
    const want = Math.max(atLeast, wanted(share, share.asking?.waiting ?? 0, askedAt));
    if (share.asking !== undefined) share.asking.isSent = true;
    asked(share, askedAt);
    try {
      // By its name among the limits of this token: those that descend from one another count by the same share, and call it otherwise.
      const answer = await ask({ digest, limit: rule.name, want, atLeast });
      if (answer === undefined) {
        share.exactUntil = monotonic() + EXACT_MS;
        return;
      }
      const isInTime = answered(share, answer, { askedAt, now: monotonic(), atLeast });
      if (!isInTime) throw new Error('a share of a limit had ended when it came');
      share.failure = undefined;
      share.failedUntil = NEVER;
    } catch (error) {
      share.failure =
        error instanceof Error ? error : new Error('a share of a limit could not be had', { cause: error });
      share.failedUntil = monotonic() + AFTER_FAILURE_MS;
      throw error;
    } finally {
      share.asking = undefined;
    }
  };

  /** One question at a time for each limit. */
  const asking = (part: Part, digest: DigestKey, cost: number): Promise<void> => {
    const { share } = part;
    share.asking ??= { waiting: 0, isSent: false, done: send(part, digest, cost) };
    if (!share.asking.isSent) share.asking.waiting += cost;
    return share.asking.done;
  };

  const pass = ({ rule, share }: Part, digest: DigestKey, { cost, now }: At): LimitState => {
    spend(share, cost);
    if (share.asking === undefined && isDue(share, now) && !(now < share.failedUntil))
      asking({ rule, share }, digest, 1).catch(onError);
    return stateOf(share, rule, now);
  };

  const partOf = (rule: LimitRule): Part => ({ rule, share: shareOf(rule) });

  const takeHeld = ({ limits, secret }: Leased, cost: number): LeasedOutcome | undefined => {
    const at: At = { cost, now: monotonic() };
    const [first] = limits;
    if (first !== undefined && limits.length === 1) {
      const part = partOf(first);
      if (held(part.share, at.now) >= cost) return { allowed: true, states: [pass(part, secret.key, at)] };
    }
    const all = limits.map(partOf);
    const lacking = lackingOf(all, at);
    if (lacking.length === 0) return { allowed: true, states: all.map((part) => pass(part, secret.key, at)) };
    if (lacking.some(({ share }) => at.now < share.exactUntil)) return EXACTLY;
    const refusing = lacking.filter(({ share }) => isRefused(share, cost, at.now));
    if (refusing.length === 0) return undefined;
    const states = all.map((part) => (refusing.includes(part) ? refusedState : stateOf)(part.share, part.rule, at.now));
    return { allowed: false, states };
  };

  const askFor = async ({ limits, secret }: Leased, cost: number): Promise<void> => {
    const now = monotonic();
    const lacking = lackingOf(limits.map(partOf), { cost, now });
    const failed = lacking.find(({ share }) => now < share.failedUntil);
    if (failed !== undefined) throw failed.share.failure;
    await Promise.all(lacking.map((part) => asking(part, secret.key, cost)));
  };

  /**
   * More ask than can wait, which is for callers to bring about, and so must not become the fault that a limit may let pass
   * uncounted: it is refused, unless the server does not answer anyhow.
   */
  const crowded = ({ limits }: Leased): LeasedOutcome => {
    const all = limits.map(partOf);
    for (const { share } of all) if (share.failure !== undefined) throw share.failure;
    return { allowed: false, states: all.map(({ rule, share }) => refusedState(share, rule, monotonic())) };
  };

  return {
    takeHeld,
    async take(facts, cost) {
      const own = facts.limits[0] && shareOf(facts.limits[0]);
      if (own === undefined || own.takers >= mostWaiting || waiting >= MOST_CROWDS * mostWaiting) return crowded(facts);
      own.takers += 1;
      waiting += 1;
      try {
        for (let tried = 0; tried < TRIES; tried += 1) {
          const outcome = takeHeld(facts, cost);
          if (outcome !== undefined) return outcome;
          await askFor(facts, cost);
        }
        // Others took each share before it could be spent.
        return crowded(facts);
      } finally {
        own.takers -= 1;
        waiting -= 1;
      }
    },
    size: () => shares.size,
    forget: () => shares.clear(),
  };
}

function lackingOf(all: readonly Part[], { cost, now }: At): readonly Part[] {
  return all.filter(({ share }) => held(share, now) < cost);
}

interface At {
  readonly cost: number;
  readonly now: number;
}

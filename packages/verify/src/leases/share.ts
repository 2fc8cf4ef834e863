/**
 * What this process holds of one limit: requests that the server has counted already, to be passed until they end. Written in place.
 *
 * It comes in two portions, so that the next one is here before the present one is used up. Both end by themselves: after the end
 * of a portion not one of its requests passes, however long the process was paused.
 */
import type { LimitRule } from '../ports.ts';
import type { LimitState } from '../verdict.ts';
import type { LeaseAnswer } from './lease-wire.ts';

/** Times are milliseconds on a clock that never steps. */
export interface Share {
  readonly rule: LimitRule;
  /** Requests of cost 1 that may pass before `endsAt`. */
  left: number;
  endsAt: number;
  /** Of the portion after it, which ends later. */
  nextLeft: number;
  nextEndsAt: number;
  /** Passed since `askedAt`, when the server was asked last: what is asked for next follows what is used. */
  used: number;
  askedAt: number;
  /** What was granted last; 0: nothing yet. */
  granted: number;
  /** The limit as the server last told it. */
  told: LeaseAnswer | undefined;
  toldAt: number;
  /** Requests of this cost and above are refused without a question before `askAgainAt`. */
  refusedCost: number;
  refusedUntil: number;
  askAgainAt: number;
}

const NEVER = Number.NEGATIVE_INFINITY;
/** A portion from this size on is followed by the next before it is used up: smaller ones are of a limit that is little used. */
const LEAST_FOLLOWED = 4;
/** A wait of `1` is one of at most a second: by how much less nobody knows. */
const SHORT_WAIT_MS = 100;
/** A server that was started anew has forgotten why it refused. */
const LONGEST_WAIT_MS = 10_000;

export function newShare(rule: LimitRule, now: number): Share {
  return {
    rule,
    left: 0,
    endsAt: NEVER,
    nextLeft: 0,
    nextEndsAt: NEVER,
    used: 0,
    askedAt: now,
    granted: 0,
    told: undefined,
    toldAt: NEVER,
    refusedCost: Number.POSITIVE_INFINITY,
    refusedUntil: NEVER,
    askAgainAt: NEVER,
  };
}

/** Whether the share is of this rule, as it is now: what was edited since is another limit. */
export function isOf({ rule }: Share, other: LimitRule): boolean {
  if (rule === other) return true;
  const { limit, windowSeconds, burst, cost } = other;
  return rule.limit === limit && rule.windowSeconds === windowSeconds && rule.burst === burst && rule.cost === cost;
}

/** Requests of cost 1 that may pass now. */
export function held(share: Share, now: number): number {
  if (share.nextLeft > 0 && !(now < share.nextEndsAt)) share.nextLeft = 0;
  if (share.left === 0 || !(now < share.endsAt)) {
    share.left = share.nextLeft;
    share.endsAt = share.nextEndsAt;
    share.nextLeft = 0;
  }
  return share.left + share.nextLeft;
}

/** Only of what is {@link held}. */
export function spend(share: Share, cost: number): void {
  const ofNext = Math.max(0, cost - share.left);
  share.left -= cost - ofNext;
  share.nextLeft -= ofNext;
  share.used += cost;
}

/** Whether the next portion should be on its way: half of this one is spent, or it ends soon and is in use. */
export function isDue(share: Share, now: number): boolean {
  if (share.nextLeft > 0 || share.granted < LEAST_FOLLOWED || now < share.askAgainAt) return false;
  return share.left * 2 <= share.granted || now >= share.endsAt - lifeMs(share) / 4;
}

/**
 * How much to ask for: what waits, or what will be used in half the life of a share if use goes on as it was; at most twice
 * as much as last time. So a verifier that uses little holds little, and one that uses much gets there in a few questions.
 */
export function wanted(share: Share, waiting: number, now: number): number {
  const elapsed = Math.max(1, now - share.askedAt);
  const expected = Math.ceil((share.used * lifeMs(share)) / 2 / elapsed);
  const most = Math.max(1, Math.floor(share.rule.burst / share.rule.cost));
  return Math.max(1, Math.min(most, Math.max(waiting, Math.min(expected, 2 * share.granted))));
}

export function asked(share: Share, now: number): void {
  share.askedAt = now;
  share.used = 0;
}

/** @returns false where what was granted had ended before it came */
export function answered(share: Share, answer: LeaseAnswer, times: AnswerTimes): boolean {
  const { askedAt, now, atLeast } = times;
  share.told = answer;
  share.toldAt = now;
  if (answer.granted === 0) {
    const { retryAfterSeconds: wait } = answer;
    share.refusedCost = atLeast;
    share.refusedUntil = now + wait * 1000;
    share.askAgainAt = now + (wait <= 1 ? SHORT_WAIT_MS : Math.min((wait - 1) * 1000, LONGEST_WAIT_MS));
    return true;
  }
  share.granted = answer.granted;
  share.askAgainAt = NEVER;
  // The server counted it after the question was sent: it ends here before it ends there.
  const endsAt = askedAt + answer.seconds * 1000;
  if (!(now < endsAt)) return false;
  const isNextFree = held(share, now) === 0 || share.nextLeft === 0;
  share.nextEndsAt = isNextFree ? endsAt : Math.min(share.nextEndsAt, endsAt);
  share.nextLeft += answer.granted;
  return true;
}

export interface AnswerTimes {
  readonly askedAt: number;
  readonly now: number;
  /** The cost that was asked for at least. */
  readonly atLeast: number;
}

export function isRefused(share: Share, cost: number, now: number): boolean {
  return now < share.askAgainAt && cost >= share.refusedCost;
}

/** How the limit stands as far as it is known here, in the words of a token that it counts. */
export function stateOf(share: Share, { name }: Pick<LimitRule, 'name'>, now: number): LimitState {
  const { limit, windowSeconds, burst, cost } = share.rule;
  const { remaining = 0, resetSeconds = 0 } = share.told ?? {};
  const most = Math.floor(burst / cost);
  return {
    name,
    limit,
    windowSeconds,
    remaining: Math.min(most, share.left + share.nextLeft + remaining),
    resetSeconds: Math.max(0, resetSeconds - Math.floor((now - share.toldAt) / 1000)),
    retryAfterSeconds: 0,
  };
}

/** As {@link stateOf}, where a request is refused for it. */
export function refusedState(share: Share, rule: Pick<LimitRule, 'name'>, now: number): LimitState {
  const retryAfterSeconds = Math.max(1, Math.ceil((share.refusedUntil - now) / 1000));
  return { ...stateOf(share, rule, now), retryAfterSeconds };
}

function lifeMs({ told }: Share): number {
  return (told?.seconds ?? 1) * 1000;
}

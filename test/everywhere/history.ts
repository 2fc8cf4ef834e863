/** What was seen from outside: every call with its start and end, every revocation with its acknowledgement, every limit, on one clock. */
import type { OnFault } from '@tessera/verify';

/**
 * `uncounted`: allowed without a word of the limit that the token has. `limited`: told that the limit is used up. `ended`: told
 * that the token is no longer valid. `refused`: any other answer that lets nothing through, as of a node that cannot tell.
 * `unanswered`: the connection broke.
 */
export type Outcome = 'allowed' | 'uncounted' | 'limited' | 'ended' | 'refused' | 'unanswered';

/** A question whether a token may pass. */
export interface Call {
  /** Whose memory judged: a node, in all its doors, or a verifier. */
  readonly judge: string;
  readonly door: string;
  readonly token: string;
  /** Before the first byte was sent, and after the last one came. */
  readonly start: number;
  readonly end: number;
  readonly outcome: Outcome;
}

/** A demand that a token end for good, whatever the way. A demand that is repeated, or made of two nodes at once, is one each time. */
export interface Revocation {
  readonly token: string;
  readonly way: string;
  /** The node that was asked. */
  readonly judge: string;
  readonly start: number;
  /** When the caller heard that it is done; absent while, or where, it never did. */
  acknowledged?: number;
}

/** Requests of a token that may pass: in any t ms, at most burst + floor(t * limit / windowMs). */
export interface Limit {
  readonly token: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
  /** What is promised while what counts it is away. */
  readonly onFault: OnFault;
}

export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface History {
  readonly calls: Call[];
  readonly revocations: Revocation[];
  /** At most one of a token. */
  readonly limits: Limit[];
  /** Each time that what counts lost all it had: at some moment of these. */
  readonly forgotten: Stretch[];
}

export function newHistory(): History {
  return { calls: [], revocations: [], limits: [], forgotten: [] };
}

/** Whether it let the request through. */
export function isAllow({ outcome }: Pick<Call, 'outcome'>): boolean {
  return outcome === 'allowed' || outcome === 'uncounted';
}

/** Milliseconds on the monotonic clock of the machine, which all its processes share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What was seen from outside: every call with its start and end, every revocation with its acknowledgement, on one clock. */

/**
 * `ended`: told that the token is no longer valid. `refused`: any other answer that lets nothing through, as of a node that
 * cannot tell. `unanswered`: the connection broke.
 */
export type Outcome = 'allowed' | 'ended' | 'refused' | 'unanswered';

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

export interface History {
  readonly calls: Call[];
  readonly revocations: Revocation[];
}

/** Milliseconds on the monotonic clock of the machine, which all its processes share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

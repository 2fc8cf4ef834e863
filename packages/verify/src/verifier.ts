/** The decision for a whole request, in the process that received it: what middleware asks. */
import { decide } from './decide.ts';
import { type JudgedCall, type LiveCall, liveCalls } from './live/live-calls.ts';
import { unspent } from './live/unspent.ts';
import type { MaybePromise } from './maybe-promise.ts';
import type { Ports, TokenFacts } from './ports.ts';
import { type Presented, presence } from './presence.ts';
import { type Circumstances, type Requirement, requirement } from './requirement.ts';
import { type Allow, type Deny, deny, type Verdict } from './verdict.ts';

export interface Verifier {
  /** What every request must fulfil. What a route asks beside it can only narrow it. */
  readonly requirement: Requirement;
  /**
   * One verdict on what the request presents. Never throws or rejects: what cannot be judged is denied. A plain value where all
   * that it needs is in memory, else a promise. Whoever applies an `Allow` ends what it holds (`held`).
   */
  verify(presented: Presented, asked: AskedOfVerifier): MaybePromise<Verdict>;
  /**
   * For answers that may last, such as streams: while the call goes on it is judged again, with nothing spent, when what is known of its token
   * changes or ends, and cut where it would be refused. Whoever asks for it calls `end` when the answer is over.
   */
  follow(call: AllowedCall): LiveCall;
  /**
   * Ends connections and timers, and sends what is still to be told. After it every verdict is `fault`, also on the calls that are
   * followed.
   */
  close(): Promise<void>;
}

export interface AskedOfVerifier {
  /** Absent: the verifier's own. Given, it stands in its place, and is best made once a route with `narrowed`. */
  readonly requirement?: Requirement | undefined;
  readonly circumstances: Circumstances;
}

/** A request that was let in, as it was judged. */
export interface AllowedCall {
  readonly presented: Presented;
  readonly asked: AskedOfVerifier;
  readonly allowed: Allow;
  /** Ends the answer, which its token may no longer get. Called at most once, and never after `end`. Must not throw. */
  readonly cut: (refused: Deny) => void;
}

/** Nothing tells a verifier of one's own what changes: calls that last are judged again so often. */
const UNHEARD_MS = 5000;

/** A verifier over ports of one's own: tests of a service, and the smallest one there is. */
export function verifierOver(ports: Ports, parts: Partial<Requirement> = {}): Verifier {
  const own = requirement(parts);
  const live = liveCalls({ now: () => ports.clock.now(), fresh: () => false, boundMs: UNHEARD_MS });
  const counting = unspent(ports);
  let isClosed = false;
  const judge = (presented: Presented, asked: AskedOfVerifier, by: Ports): MaybePromise<Verdict> => {
    if (isClosed) return deny('fault', { detail: CLOSED });
    return judgePresented(presented, asked.requirement ?? own, { circumstances: asked.circumstances, ports: by });
  };
  return {
    requirement: own,
    verify: (presented, asked) => judge(presented, asked, ports),
    follow: (call) => live.follow(followed(call, own, () => judge(call.presented, call.asked, counting))),
    close: async () => {
      isClosed = true;
      live.changed('missed');
    },
  };
}

/** Why a verifier that was closed denies. */
export const CLOSED = 'the verifier is closed';

/** A call as it is followed, and how it is judged again. */
export function followed(
  { asked, allowed, cut }: AllowedCall,
  own: Requirement,
  judge: () => MaybePromise<Verdict>,
): JudgedCall {
  const { clientCertificate } = asked.requirement ?? own;
  const endsAt = clientCertificate ? asked.circumstances.certificate?.expiresAt : undefined;
  // What the decision was given by the lookups comes back as it was.
  return { facts: allowed.principal as TokenFacts, endsAt, judge, cut };
}

export interface JudgedBy {
  readonly circumstances: Circumstances;
  readonly ports: Ports;
}

/** Step 1 and all that follow it. An empty credential is denied as `missing`; `presence` tells the two apart. */
export function judgePresented(
  presented: Presented,
  required: Requirement,
  { circumstances, ports }: JudgedBy,
): MaybePromise<Verdict> {
  const present = presence(presented);
  if (present.outcome === 'empty') return deny('missing', { detail: 'the credential is empty' });
  if (present.outcome !== 'present') return deny(present.outcome);
  return decide(present.credential, { requirement: required, circumstances }, ports);
}

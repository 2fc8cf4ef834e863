/** The decision for a whole request, in the process that received it: what middleware asks. */
import { decide } from './decide.ts';
import type { MaybePromise } from './maybe-promise.ts';
import type { Ports } from './ports.ts';
import { type Presented, presence } from './presence.ts';
import { type Circumstances, type Requirement, requirement } from './requirement.ts';
import { deny, type Verdict } from './verdict.ts';

export interface Verifier {
  /** What every request must fulfil. What a route asks beside it can only narrow it. */
  readonly requirement: Requirement;
  /**
   * One verdict on what the request presents. Never throws or rejects: what cannot be judged is denied. A plain value where all
   * that it needs is in memory, else a promise. Whoever applies an `Allow` ends what it holds (`held`).
   */
  verify(presented: Presented, asked: AskedOfVerifier): MaybePromise<Verdict>;
  /** Ends connections and timers, and sends what is still to be told. After it every verdict is `fault`. */
  close(): Promise<void>;
}

export interface AskedOfVerifier {
  /** Absent: the verifier's own. Given, it stands in its place, and is best made once a route with `narrowed`. */
  readonly requirement?: Requirement | undefined;
  readonly circumstances: Circumstances;
}

/** A verifier over ports of one's own: tests of a service, and the smallest one there is. */
export function verifierOver(ports: Ports, parts: Partial<Requirement> = {}): Verifier {
  const own = requirement(parts);
  let isClosed = false;
  return {
    requirement: own,
    verify(presented, asked) {
      if (isClosed) return deny('fault', { detail: 'the verifier is closed' });
      return judgePresented(presented, asked.requirement ?? own, { circumstances: asked.circumstances, ports });
    },
    close: async () => {
      isClosed = true;
    },
  };
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

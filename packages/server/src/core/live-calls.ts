/** Calls of the doors that go on after their verdict, followed with this node's feed: what may no longer be is cut. */
import {
  type Asked,
  type Credential,
  type Deny,
  decide,
  type LiveCall,
  liveCalls as liveCallsOver,
  type Ports,
  type TokenFacts,
  unspent,
} from '@tessera/verify';
import type { Feed } from './feed.ts';

/** An accepted call, as it was judged. */
export interface JudgedCall {
  readonly credential: Credential;
  readonly asked: Asked;
  /** What the token was known by. */
  readonly facts: TokenFacts;
  /** Ends the call, for the reason that the verdict names. Called at most once, and never after the call's end. */
  readonly cut: (refused: Deny) => void;
}

export interface LiveCalls {
  follow(call: JudgedCall): LiveCall;
  /** Calls that are followed now. */
  count(): number;
  stop(): void;
}

export interface LiveCallsOptions {
  readonly ports: Ports;
  readonly feed: Pick<Feed, 'fresh' | 'subscribe'>;
  /** While no change can be heard of, every call is judged again this often, in milliseconds. */
  readonly boundMs: number;
  /** How often it is looked which calls last, and which tokens have ended. */
  readonly tickMs?: number;
  readonly onCut: (refused: Deny) => void;
}

export function liveCalls({ ports: spending, feed, boundMs, tickMs, onCut }: LiveCallsOptions): LiveCalls {
  const { tokens, limiter, clock, signed } = spending;
  // Faults of verdicts that are made again are told by the cut.
  const ports = unspent({ tokens, limiter, clock, ...(signed && { signed }) });
  const live = liveCallsOver({ now: () => clock.now(), fresh: feed.fresh, boundMs, tickMs, onCut });
  const unsubscribe = feed.subscribe(live.changed);
  return {
    follow: ({ credential, asked, facts, cut }) =>
      live.follow({ facts, endsAt: endOf(asked), judge: () => decide(credential, asked, ports), cut }),
    count: live.count,
    stop() {
      unsubscribe();
      live.stop();
    },
  };
}

/** A connection may outlive the certificate that it was let in for. */
function endOf({ requirement, circumstances }: Asked): number | undefined {
  return requirement.clientCertificate ? circumstances.certificate?.expiresAt : undefined;
}

/** A call that was let through, until it is over: what it holds is let go of, what lasts of it is followed, and it is recorded once. */
import { type Asked, type LiveCall, problemOfDenial, type TokenFacts } from '@tessera/verify';
import type { Recorder } from '../core/door-ports.ts';
import type { LiveCalls } from '../core/live-calls.ts';
import type { Passing } from '../core/passing.ts';
import type { RouteMatch } from '../core/routes.ts';
import type { Incoming } from '../http/edge.ts';
import type { Problem } from '../http/problem.ts';
import type { ForwardedCall } from './exchange.ts';
import { type Settling, settling } from './settle.ts';

/** A request, how it was judged, and where it goes. */
export interface Passed {
  readonly incoming: Incoming;
  readonly match: RouteMatch;
  readonly asked: Asked;
  readonly passing: Passing;
}

export interface CallPorts {
  readonly record: Recorder;
  readonly live: Pick<LiveCalls, 'follow'>;
  readonly log: GatewayLog;
}

export interface GatewayLog {
  /** A target failed after the request was accepted. Must not throw. */
  upstreamFailed(failure: UpstreamFailure): void;
}

export interface UpstreamFailure {
  readonly requestId: string;
  readonly route: string;
  /** Origin of the target. */
  readonly target: string;
  readonly error: Error;
}

export class AcceptedCall implements ForwardedCall {
  readonly #passed: Passed;
  readonly #ports: CallPorts;
  readonly #held: Settling;

  constructor(passed: Passed, ports: CallPorts) {
    this.#passed = passed;
    this.#ports = ports;
    this.#held = settling(passed.passing.verdict, passed.match.route?.refund ?? 'never');
  }

  /** Judged again when something behind its token changes, and cut where it would be refused. */
  follow(cut: (refusal: Problem) => void): LiveCall {
    const { match, asked, passing } = this.#passed;
    const { verdict, credential } = passing;
    if (match.route?.shadow === true || credential === undefined || verdict.principal === undefined) return UNFOLLOWED;
    const { scopes } = asked.requirement;
    return this.#ports.live.follow({
      credential,
      asked,
      // What the decision was given by our own look-up comes back as it was.
      facts: verdict.principal as TokenFacts,
      cut: (refused) => cut(problemOfDenial(refused, { audience: 'stranger', scopes })),
    });
  }

  failed(error: Error, target: string): void {
    const { incoming, match } = this.#passed;
    this.#ports.log.upstreamFailed({
      requestId: incoming.requestId,
      route: match.route?.name ?? '',
      target,
      error,
    });
  }

  answered(): void {
    this.#held.answered();
  }

  ended(status: number): void {
    const { incoming, match, passing } = this.#passed;
    this.#held.end(status);
    this.#ports.record.verdict(passing.verdict, {
      door: 'gateway',
      route: match.route?.name,
      status,
      seconds: passing.seconds,
      letThrough: passing.letThrough,
      request: incoming,
    });
  }
}

/** Of a route in shadow mode, which refuses nothing later either. */
const UNFOLLOWED: LiveCall = Object.freeze({ lasts() {}, end() {} });

/**
 * Calls that go on after their verdict: streams, tunnels, long bodies. Each is judged again when something behind its token
 * changes, when the token ends, and when this node has heard of no change for too long; what may no longer be is cut.
 */
import {
  type Asked,
  type Credential,
  concerns,
  type Deny,
  decide,
  deny,
  type Ports,
  type TokenFacts,
  type Verdict,
} from '@tessera/verify';
import type { Feed } from './feed.ts';
import type { Change } from './model.ts';
import { unspent } from './unspent.ts';
import { type FollowedCall, YoungCalls } from './young-calls.ts';

/** An accepted call, as it was judged. */
export interface JudgedCall {
  readonly credential: Credential;
  readonly asked: Asked;
  /** What the token was known by. */
  readonly facts: TokenFacts;
  /** Ends the call, for the reason that the verdict names. Called at most once, and never after the call's end. */
  readonly cut: (refused: Deny) => void;
}

export interface LiveCall {
  /** The call is one that lasts, and is followed from now on; every other is after a second. */
  lasts(): void;
  end(): void;
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

const TICK_MS = 250;
/** Most calls last less, and cost two links of a list. */
const YOUNG_MS = 1000;
/** Calls judged again in one turn of the event loop: a change may concern very many. */
const AT_ONCE = 100;
/** A verdict that takes longer than this is not waited for. */
const PATIENCE_MS = 2000;

export function liveCalls(options: LiveCallsOptions): LiveCalls {
  const { feed, boundMs, onCut } = options;
  const tickMs = options.tickMs ?? TICK_MS;
  const { clock } = options.ports;
  const ports = withoutSpending(options.ports);
  const lasting = new Map<string, Set<FollowedCall>>();
  /** To be judged again. */
  const due = new Set<FollowedCall>();
  let count = 0;
  let turn: NodeJS.Immediate | undefined;
  let unheardMs = boundMs;

  const again = (calls: Iterable<FollowedCall>): void => {
    for (const call of calls) due.add(call);
    if (due.size > 0) turn ??= setImmediate(work);
  };

  const work = (): void => {
    turn = undefined;
    let left = AT_ONCE;
    for (const call of due) {
      if (left === 0) break;
      left -= 1;
      due.delete(call);
      judgeAgain(call);
    }
    again([]);
  };

  const judgeAgain = (call: FollowedCall): void => {
    const { credential, asked } = call.judged;
    call.round += 1;
    const { round } = call;
    const verdict = decide(credential, asked, ports);
    const apply = (verdict: Verdict): void => {
      if (call.state !== 'lasting') return;
      if (!verdict.valid) {
        call.end();
        onCut(verdict);
        call.judged.cut(verdict);
      } else if (round === call.round) call.facts = verdict.principal as TokenFacts;
    };
    if (verdict instanceof Promise) {
      const impatient = setTimeout(() => apply(deny('fault', { detail: 'the verdict took too long' })), PATIENCE_MS);
      void verdict.then(apply).finally(() => clearTimeout(impatient));
    } else apply(verdict);
  };

  const young = new YoungCalls({
    ticks: Math.ceil(YOUNG_MS / tickMs),
    onLasting(call) {
      const { id } = call.facts;
      const others = lasting.get(id);
      if (others === undefined) lasting.set(id, new Set([call]));
      else others.add(call);
      count += 1;
      // What changed before it was followed was not heard.
      again([call]);
    },
    onEnd(call) {
      const others = lasting.get(call.facts.id);
      others?.delete(call);
      if (others?.size === 0) lasting.delete(call.facts.id);
      due.delete(call);
      count -= 1;
    },
  });

  function* all(which: (call: FollowedCall) => boolean): Iterable<FollowedCall> {
    for (const calls of lasting.values()) for (const call of calls) if (which(call)) yield call;
  }

  const unsubscribe = feed.subscribe((change: Change | 'missed') => {
    if (change === 'missed') again(all(() => true));
    else if (change.kind.startsWith('token.')) again(lasting.get(change.id) ?? []);
    else again(all(({ facts }) => concerns(change, facts)));
  });

  const ticking = setInterval(() => {
    young.tick();
    const now = clock.now();
    // The first time as soon as the bound is passed.
    unheardMs = feed.fresh() ? boundMs : unheardMs + tickMs;
    if (unheardMs > boundMs) {
      unheardMs = 0;
      again(all(() => true));
    } else again(all(({ facts }) => hasEnded(facts, now)));
  }, tickMs);
  ticking.unref();

  return {
    follow: (call) => young.add(call),
    count: () => count,
    stop() {
      clearInterval(ticking);
      clearImmediate(turn);
      unsubscribe();
    },
  };
}

/** Whether time alone may have ended what is known of a token. */
function hasEnded({ expiresAt, secret }: TokenFacts, now: number): boolean {
  return (expiresAt !== undefined && now >= expiresAt) || (secret.until !== undefined && now >= secret.until);
}

/** A call was counted, and its proof used up, when it came. */
function withoutSpending({ tokens, limiter, clock, signed }: Ports): Ports {
  return unspent({ tokens, limiter, clock, ...(signed && { signed }) });
}

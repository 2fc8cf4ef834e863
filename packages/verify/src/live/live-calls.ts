/**
 * Calls that go on after their verdict: streams, tunnels, long bodies. Each is judged again when something behind its token
 * changes, when the token ends, and when no change was heard of for too long; what may no longer be is cut.
 */
import { type ChangeOfFacts, concerns, lineOf } from '../concerns.ts';
import type { MaybePromise } from '../maybe-promise.ts';
import type { TokenFacts } from '../ports.ts';
import { type Deny, deny, type Verdict } from '../verdict.ts';
import { type FollowedCall, YoungCalls } from './young-calls.ts';

/** An accepted call, as it was judged. */
export interface JudgedCall {
  /** What the token was known by. */
  readonly facts: TokenFacts;
  /** Milliseconds since the epoch at which something else ends than the token: the certificate of the connection. */
  readonly endsAt?: number | undefined;
  /** The same decision again, with nothing spent. Neither throws nor rejects. */
  judge(): MaybePromise<Verdict>;
  /** Ends the call, for the reason that the verdict names. Called at most once, and never after the call's end. Must not throw. */
  cut(refused: Deny): void;
}

export interface LiveCall {
  /** The call is one that lasts, and is followed from now on; every other is after a second. */
  lasts(): void;
  end(): void;
}

export interface LiveCalls {
  follow(call: JudgedCall): LiveCall;
  /** What is judged must know the change already. `missed`: changes may be unknown. */
  changed(change: FeedChange | 'missed'): void;
  /** Calls that are followed now. */
  count(): number;
  /** Nothing is judged any more. */
  stop(): void;
}

/** Without a workspace: of the one whose tokens are known here. */
export type FeedChange = Omit<ChangeOfFacts, 'workspace'> & { readonly workspace?: string };

export interface LiveCallsOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whether every change was heard of. */
  readonly fresh: () => boolean;
  /** While that is not so, every call is judged again this often, in milliseconds. */
  readonly boundMs: number;
  /** How often it is looked which calls last, and which tokens have ended. */
  readonly tickMs?: number | undefined;
  readonly onCut?: ((refused: Deny) => void) | undefined;
}

const TICK_MS = 250;
/** Most calls last less, and cost two links of a list. */
const YOUNG_MS = 1000;
/** Calls judged again in one turn of the event loop, and verdicts waited for at once: a change may concern very many. */
const AT_ONCE = 100;
/** Neither a turn nor a verdict is waited for longer than this. */
const PATIENCE_MS = 2000;

export function liveCalls(options: LiveCallsOptions): LiveCalls {
  const { now, fresh, boundMs, tickMs = TICK_MS } = options;
  const patience = Math.ceil(PATIENCE_MS / tickMs);
  const lasting = new Map<string, Set<FollowedCall>>();
  /** To be judged again, in the order in which it was found out. */
  const due = new Set<FollowedCall>();
  /** Whose verdict is on its way. */
  const asked = new Set<FollowedCall>();
  let count = 0;
  let ticks = 0;
  let unheardMs = boundMs;
  let turn: ReturnType<typeof setTimeout> | undefined;
  let ticking: ReturnType<typeof setInterval> | undefined;

  const again = (calls: Iterable<FollowedCall>): void => {
    for (const call of calls) {
      if (due.has(call)) continue;
      call.dueAt = ticks;
      due.add(call);
    }
    schedule();
  };

  const schedule = (): void => {
    if (due.size > 0 && asked.size < AT_ONCE) turn ??= setTimeout(work, 0);
  };

  const work = (): void => {
    turn = undefined;
    let left = AT_ONCE;
    for (const call of due) {
      if (left === 0 || asked.size >= AT_ONCE) break;
      left -= 1;
      due.delete(call);
      judgeAgain(call);
    }
    schedule();
  };

  const judgeAgain = (call: FollowedCall): void => {
    call.round += 1;
    const { round } = call;
    const verdict = call.judged.judge();
    if (!(verdict instanceof Promise)) {
      apply(call, verdict);
      return;
    }
    call.askedAt = ticks;
    asked.add(call);
    void verdict.then((made) => {
      // Of two verdicts under way the later one holds, and any refusal does.
      if (!made.valid || round === call.round) {
        asked.delete(call);
        apply(call, made);
      }
      schedule();
    });
  };

  const apply = (call: FollowedCall, verdict: Verdict): void => {
    if (call.state !== 'lasting') return;
    if (verdict.valid) {
      call.facts = verdict.principal as TokenFacts;
      return;
    }
    call.end();
    options.onCut?.(verdict);
    call.judged.cut(verdict);
  };

  const young = new YoungCalls({
    ticks: Math.ceil(YOUNG_MS / tickMs),
    onLasting(call) {
      for (const id of lineOf(call.facts)) {
        const others = lasting.get(id);
        if (others === undefined) lasting.set(id, new Set([call]));
        else others.add(call);
      }
      count += 1;
      // What changed before it was followed was not heard.
      again([call]);
    },
    onEnd(call) {
      for (const id of lineOf(call.facts)) {
        const others = lasting.get(id);
        others?.delete(call);
        if (others?.size === 0) lasting.delete(id);
      }
      due.delete(call);
      asked.delete(call);
      count -= 1;
    },
  });

  function* all(which: (call: FollowedCall) => boolean): Iterable<FollowedCall> {
    for (const calls of lasting.values()) for (const call of calls) if (which(call)) yield call;
  }

  const tick = (): void => {
    ticks += 1;
    for (const call of due) if (ticks - call.dueAt > patience) apply(call, TOO_LATE);
    for (const call of asked) if (ticks - call.askedAt > patience) apply(call, TOO_LATE);
    young.tick();
    const time = now();
    // The first time as soon as the bound is passed.
    unheardMs = fresh() ? boundMs : unheardMs + tickMs;
    if (unheardMs > boundMs) {
      unheardMs = 0;
      again(all(() => true));
    } else again(all((call) => hasEnded(call, time)));
    if (count === 0 && young.isEmpty()) {
      clearInterval(ticking);
      ticking = undefined;
    }
  };

  return {
    follow(call) {
      if (ticking === undefined) {
        ticking = setInterval(tick, tickMs);
        // What keeps a process alive is the connection. Timers of other platforms than Node are numbers.
        (ticking as Partial<typeof ticking>).unref?.();
      }
      return young.add(call);
    },
    changed(change) {
      if (change === 'missed') again(all(() => true));
      else if (change.kind.startsWith('token.')) again(lasting.get(change.id) ?? []);
      else again(all(({ facts }) => concerns({ workspace: facts.workspace.id, ...change }, facts)));
    },
    count: () => count,
    stop() {
      clearInterval(ticking);
      clearTimeout(turn);
    },
  };
}

const TOO_LATE = deny('fault', { detail: 'the verdict took too long' });

/** Whether time alone may have ended what let a call in. */
function hasEnded({ facts: { expiresAt, secret }, judged: { endsAt } }: FollowedCall, now: number): boolean {
  return isOver(expiresAt, now) || isOver(secret.until, now) || isOver(endsAt, now);
}

function isOver(end: number | undefined, now: number): boolean {
  return end !== undefined && now >= end;
}

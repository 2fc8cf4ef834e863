/**
 * So many requests begin in one turn of the event loop; the others wait for theirs, and are refused where that takes too long.
 * However many arrive at once, timers, the change feed and running answers get their share, and what is shed costs little.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { newRequestId } from '@tessera/verify';
import type { UpgradingHandler } from './listen-options.ts';
import { problem } from './problem.ts';
import { sendProblem } from './send.ts';

export interface TurnsOptions {
  /** Hears of every request that was refused. Must not throw. */
  readonly onShed: () => void;
  /** Requests that are answered whatever waits: how this node is doing is asked when it is doing badly. */
  readonly isUrgent?: (request: IncomingMessage) => boolean;
  readonly perTurn?: number;
  /** Longest wait in milliseconds. */
  readonly maxWaitMs?: number;
  /** Milliseconds on a clock that never goes back. */
  readonly monotonic?: () => number;
}

/** A few milliseconds of work. */
const PER_TURN = 16;
/** Few callers wait longer before they ask again, and then the first answer is for nobody. */
const MAX_WAIT_MS = 1000;
const BUSY = problem('overloaded', { headers: { 'Retry-After': '1' } });

interface Waiting {
  readonly response: ServerResponse;
  readonly since: number;
  begin(): void;
  shed(): void;
}

export function inTurns(handler: UpgradingHandler, options: TurnsOptions): UpgradingHandler {
  const { onShed, isUrgent = () => false } = options;
  const { perTurn = PER_TURN, maxWaitMs = MAX_WAIT_MS, monotonic = () => performance.now() } = options;
  /** In the order of their arrival; taken from `first` on. */
  let waiting: Waiting[] = [];
  let first = 0;
  let begun = 0;

  const turn = (): void => {
    begun = 0;
    const now = monotonic();
    for (let one = waiting[first]; one !== undefined && begun < perTurn; one = waiting[first]) {
      first += 1;
      begun += 1;
      if (!one.response.destroyed && now - one.since > maxWaitMs) one.shed();
      else one.begin();
    }
    if (first === waiting.length) {
      waiting = [];
      first = 0;
    }
    if (begun > 0) setImmediate(turn);
  };

  const wait: UpgradingHandler = (request, response, connection) =>
    new Promise<void>((resolve, reject) => {
      waiting.push({
        response,
        since: monotonic(),
        begin() {
          try {
            resolve(response.destroyed ? undefined : handler(request, response, connection));
          } catch (error) {
            reject(error);
          }
        },
        shed() {
          onShed();
          sendProblem(response, BUSY, { requestId: newRequestId() });
          resolve();
        },
      });
    });

  return (request, response, connection) => {
    if (begun < perTurn && waiting.length === 0) {
      if (begun === 0) setImmediate(turn);
      begun += 1;
      return handler(request, response, connection);
    }
    return isUrgent(request) ? handler(request, response, connection) : wait(request, response, connection);
  };
}

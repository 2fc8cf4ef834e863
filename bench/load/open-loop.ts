/**
 * At a fixed rate, whatever the server does: callers in the world do not wait for each other. Time is counted from the
 * moment at which a request was to be sent, so that a server that stalls is not forgiven the requests that it held up.
 */
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import type { Requests } from '../rig/requests.ts';
import { percentile } from '../rig/rounds.ts';
import { onAnswers } from './answers.ts';
import type { Pace } from './pacer.ts';
import type { Target } from './target.ts';

export interface OpenOrder extends Target {
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  /** After so long a caller has given up: what is not sent by then never is, and what is answered later is of no use. */
  readonly patienceMilliseconds: number;
  /**
   * What found no free connection for so long is never sent; default: all the patience. With more than a server can answer, those
   * that wait longest would be sent first, each so late that no answer is of use to it, however fast it came.
   */
  readonly sendWithinMilliseconds?: number;
}

export interface OpenReport {
  readonly offered: number;
  /** Right answers within the caller's patience, a second: from the first request due to the last due or the last of them. */
  readonly goodPerSecond: number;
  /** Other answers by status, and connections that broke instead of an answer: a server that sheds load does either. */
  readonly refused: Readonly<Record<string, number>>;
  /** Milliseconds from when a request was to be sent to its right answer. What got none counts with all the patience. */
  readonly p50: number;
  readonly p99: number;
  /** By how much the caller itself was late although a connection was free, in milliseconds, at the 99th percentile. */
  readonly callerLateP99: number;
}

/** From when all connections are open to the first request: the thread that keeps the pace has to start. */
const LEAD_MILLISECONDS = 200;
/** Waking more often would take more of the caller's time than it is worth. */
const SHORTEST_BEAT_MILLISECONDS = 0.1;

interface Connection {
  send(index: number): void;
  end(): void;
}

export function openLoop(order: OpenOrder, { at, expected }: Requests): Promise<OpenReport> {
  const { port, tokens, connections, rate, seconds, patienceMilliseconds } = order;
  const { sendWithinMilliseconds = patienceMilliseconds } = order;
  const { promise, resolve, reject } = Promise.withResolvers<OpenReport>();
  const offered = Math.round(rate * seconds);
  const tally = newTally(offered, patienceMilliseconds);
  const open = new Set<Connection>();
  const free = new Set<Connection>();
  let pacer: Worker | undefined;
  let start = Number.NaN;
  let taken = 0;
  let over = false;
  const dueAt = (index: number): number => start + (1000 * index) / rate;

  /** Sends what is due, in that order, as long as a connection is free. `waited`: none was until now. */
  const sendDue = (waited: boolean): void => {
    const now = performance.now();
    for (; taken < offered && dueAt(taken) <= now; taken += 1) {
      if (now - dueAt(taken) > sendWithinMilliseconds) continue;
      const [connection] = free;
      if (connection === undefined) break;
      free.delete(connection);
      if (!waited) tally.late[taken] = now - dueAt(taken);
      connection.send(taken);
    }
    // What a stalled server never answers is given up as well.
    if (tally.answered() === offered || now > dueAt(offered) + patienceMilliseconds) finish();
  };
  const begin = (): void => {
    start = performance.now() + LEAD_MILLISECONDS;
    const pace: Pace = {
      start: performance.timeOrigin + start,
      everyMilliseconds: Math.max(1000 / rate, SHORTEST_BEAT_MILLISECONDS),
    };
    pacer = new Worker(new URL('./pacer.ts', import.meta.url), { workerData: pace });
    pacer.on('error', reject).on('message', () => {
      if (!over) sendDue(false);
    });
  };
  const finish = (): void => {
    over = true;
    void pacer?.terminate();
    for (const connection of open) connection.end();
    resolve(tally.report(start, dueAt(offered)));
  };

  const use = (): void => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let asked: number | undefined;
    const connection: Connection = {
      send(index) {
        asked = index;
        socket.write(at(Math.floor(Math.random() * tokens)));
      },
      end: () => void socket.destroy(),
    };
    open.add(connection);
    socket.on('connect', () => {
      free.add(connection);
      if (Number.isNaN(start) && free.size === connections) begin();
    });
    socket.on('error', (error) => {
      // A connection that breaks under load is counted; a server that is not there ends the bench.
      if (socket.connecting || Number.isNaN(start)) reject(error);
    });
    socket.on('close', () => {
      open.delete(connection);
      free.delete(connection);
      if (over) return;
      if (asked !== undefined) tally.refuse('broken');
      use();
    });
    onAnswers(socket, (answer, keeps) => {
      if (asked === undefined || over) return;
      if (answer.includes(expected)) tally.accept(asked, performance.now() - dueAt(asked));
      else tally.refuse(answer.toString('latin1', 9, 12));
      asked = undefined;
      if (!keeps) return;
      const waited = free.size === 0;
      free.add(connection);
      sendDue(waited);
    });
  };
  for (let opened = 0; opened < connections; opened += 1) use();
  return promise;
}

function newTally(offered: number, patienceMilliseconds: number) {
  const took = new Float64Array(offered).fill(patienceMilliseconds);
  const late = new Float64Array(offered);
  const refused: Record<string, number> = {};
  let answered = 0;
  let good = 0;
  let lastGood = 0;
  return {
    late,
    answered: () => answered,
    accept(index: number, milliseconds: number): void {
      answered += 1;
      if (milliseconds > patienceMilliseconds) return;
      took[index] = milliseconds;
      good += 1;
      lastGood = performance.now();
    },
    refuse(how: string): void {
      answered += 1;
      refused[how] = (refused[how] ?? 0) + 1;
    },
    report: (start: number, lastDue: number): OpenReport => ({
      offered,
      goodPerSecond: (1000 * good) / (Math.max(lastGood, lastDue) - start),
      refused,
      p50: percentile(took, 0.5),
      p99: percentile(took, 0.99),
      callerLateP99: percentile(late, 0.99),
    }),
  };
}

/** As fast as they are answered: over kept connections, one request at a time on each. Tells what a server can do at most. */
import { connect } from 'node:net';
import type { Requests } from '../rig/requests.ts';
import { onAnswers } from './answers.ts';
import type { Target } from './target.ts';

export interface ClosedOrder extends Target {
  /** The run ends after so many seconds, with tokens at random, or after so many requests, with one token after the other. */
  readonly seconds?: number;
  readonly requests?: number;
}

export interface ClosedReport {
  readonly requests: number;
  readonly seconds: number;
}

/** Where the last run of the process ended: so that requests that must be unique stay so over several runs. */
let sent = 0;

export function closedLoop(
  { port, tokens, connections, seconds, requests = Number.POSITIVE_INFINITY }: ClosedOrder,
  { at, expected }: Requests,
): Promise<ClosedReport> {
  const { promise, resolve, reject } = Promise.withResolvers<ClosedReport>();
  const start = performance.now();
  const first = sent;
  let answered = 0;
  let open = connections;
  const end = seconds === undefined ? Number.POSITIVE_INFINITY : start + seconds * 1000;
  const over = (): boolean => sent - first >= requests || performance.now() >= end;
  const nextToken = (): number => (seconds === undefined ? sent : Math.floor(Math.random() * tokens));
  const left = (): void => {
    open -= 1;
    if (open === 0) resolve({ requests: answered, seconds: (performance.now() - start) / 1000 });
  };
  const use = (): void => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const next = (): void => {
      if (over()) {
        socket.removeAllListeners('close').end();
        left();
      } else {
        socket.write(at(nextToken()));
        sent += 1;
      }
    };
    socket.on('connect', next).on('error', reject);
    // Servers end a connection after so many requests; a caller then opens another.
    socket.on('close', use);
    onAnswers(socket, (answer, keeps) => {
      if (!answer.includes(expected)) {
        reject(new Error(`an answer without ${expected.toString()}: ${answer.toString('latin1')}`));
        return;
      }
      answered += 1;
      if (keeps) next();
    });
  };
  for (let opened = 0; opened < connections; opened += 1) use();
  return promise;
}

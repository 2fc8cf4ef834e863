/**
 * Makes requests over kept connections, one at a time on each, as fast as they are answered. Raw sockets and bytes made
 * beforehand: what serves them costs several times as much, so that the load is never the bottleneck.
 */
import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { type Kind, type Requests, requestsOf } from '../rig/requests.ts';

export interface LoadOrder {
  readonly port: number;
  readonly kind: Kind;
  /** Number of different tokens. */
  readonly tokens: number;
  readonly connections: number;
  /** The run ends after so many seconds, with tokens at random, or after so many requests, with one token after the other. */
  readonly seconds?: number;
  readonly requests?: number;
}

export interface LoadReport {
  readonly requests: number;
  readonly seconds: number;
}

const made = new Map<string, Requests>();
let order: LoadOrder | undefined;

process.on('message', (message: LoadOrder | { readonly go: true }) => {
  if (!('go' in message)) {
    order = message;
    prepared(order);
    process.send?.({ ready: true });
  } else if (order !== undefined) {
    run(order, prepared(order)).then(
      (report) => process.send?.(report),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  }
});

function prepared({ kind, tokens }: LoadOrder): Requests {
  const name = `${kind} ${tokens}`;
  const requests = made.get(name) ?? requestsOf(kind, tokens);
  made.set(name, requests);
  return requests;
}

/** Where the last run of the process ended: so that requests that must be unique stay so over several runs. */
let sent = 0;

function run(
  { port, tokens, connections, seconds, requests = Number.POSITIVE_INFINITY }: LoadOrder,
  { at, expected }: Requests,
): Promise<LoadReport> {
  const { promise, resolve, reject } = Promise.withResolvers<LoadReport>();
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

/** Calls back for each whole answer. Every server here states a length. */
function onAnswers(socket: Socket, take: (answer: Buffer, keeps: boolean) => void): void {
  let parts: Buffer[] = [];
  let missing = 0;
  let keeps = true;
  socket.on('data', (chunk: Buffer) => {
    parts.push(chunk);
    if (parts.length === 1) {
      const head = chunk.toString('latin1', 0, chunk.indexOf('\r\n\r\n') + 4);
      const length = /\r\nContent-Length: ([0-9]+)\r\n/i.exec(head)?.[1];
      if (length === undefined) throw new Error(`an answer without a length: ${chunk.toString('latin1')}`);
      keeps = !/\r\nConnection: close\r\n/i.test(head);
      missing = head.length + Number(length);
    }
    missing -= chunk.length;
    if (missing > 0) return;
    const answer = parts.length === 1 ? chunk : Buffer.concat(parts);
    parts = [];
    take(answer, keeps);
  });
}

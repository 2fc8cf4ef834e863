/** Opens connections, makes one request on each, and then keeps them all without a word. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onAnswers } from '../load/answers.ts';
import { requestsOf } from '../rig/requests.ts';

export interface IdleOrder {
  readonly port: number;
  readonly connections: number;
  /** Number of different tokens. */
  readonly tokens: number;
}

export interface IdleReport {
  /** Connections that are open now. */
  readonly open: number;
}

/** As many at once as any server's queue of new connections takes. */
const TOGETHER = 100;

const sockets = new Set<Socket>();

process.on('message', (message: IdleOrder | { readonly count: true }) => {
  if ('count' in message) report();
  else
    hold(message).then(report, (error: unknown) => {
      console.error(error);
      process.exit(1);
    });
});

function report(): void {
  process.send?.({ open: sockets.size } satisfies IdleReport);
}

async function hold({ port, connections, tokens }: IdleOrder): Promise<void> {
  const { at, expected } = requestsOf('forward', tokens);
  const openOne = async (index: number): Promise<void> => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once('error', reject);
    onAnswers(socket, (answer) => {
      if (answer.includes(expected)) resolve();
      else reject(new Error(`an answer without ${expected.toString()}: ${answer.toString('latin1')}`));
    });
    socket.write(at(index));
    await promise;
    socket.off('error', reject).on('error', () => socket.destroy());
  };
  for (let opened = 0; opened < connections; opened += TOGETHER) {
    await Promise.all(Array.from({ length: TOGETHER }, (_, index) => openOne(opened + index)));
  }
}

/** A line that loses its network without anybody being told: what is sent is held, and nothing is closed. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface HeldLine {
  readonly port: number;
  /** From now on nothing passes: in either direction, or of answers alone, so that what is asked for is done and nobody hears. */
  hold(what: 'all' | 'answers'): void;
  /** What was held arrives, as what is sent again does. Connections that were begun meanwhile never came to be, and are reset. */
  release(): void;
  close(): Promise<void>;
}

/** To this port on loopback, which each connection asks for. */
export async function heldLine(to: () => number): Promise<HeldLine> {
  const pairs = new Set<readonly [near: Socket, far: Socket]>();
  const pending = new Set<Socket>();
  let held: 'nothing' | 'answers' | 'all' = 'nothing';
  const server = createServer({ pauseOnConnect: true }, (near) => {
    near.on('error', () => near.destroy());
    if (held !== 'nothing') {
      pending.add(near);
      return;
    }
    const far = connect(to(), '127.0.0.1');
    far.on('error', () => far.destroy());
    const pair = [near, far] as const;
    pairs.add(pair);
    near.pipe(far).pipe(near);
    near.once('close', () => far.destroy());
    far.once('close', () => {
      pairs.delete(pair);
      near.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const resetPending = (): void => {
    for (const socket of pending) socket.resetAndDestroy();
    pending.clear();
  };
  return {
    port,
    hold(what) {
      held = what;
      for (const [near, far] of pairs) {
        far.unpipe(near).pause();
        if (what === 'all') near.unpipe(far).pause();
      }
    },
    release() {
      held = 'nothing';
      resetPending();
      // Piping twice would send everything twice.
      for (const [near, far] of pairs) {
        near.unpipe(far).pipe(far);
        far.unpipe(near).pipe(near);
      }
    },
    async close() {
      server.close();
      resetPending();
      for (const [near, far] of pairs) {
        near.destroy();
        far.destroy();
      }
      await once(server, 'close');
    },
  };
}

/** A WebSocket between a client and an upstream: bytes both ways, at the pace of the slower side, until either ends. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { closeFrame, frameEnds } from './frame-ends.ts';

export interface Tunnel {
  /** Ends it because its token may no longer use it: a Close frame where one can stand, and in any case the connections. */
  cut(): void;
}

export interface TunnelOptions {
  readonly client: Socket;
  readonly upstream: Duplex;
  /** Longest that neither side says anything, in milliseconds. */
  readonly idleMs: number;
}

/** Policy violation (RFC 6455 section 7.4.1). */
const CUT = closeFrame(1008, 'the token is no longer valid');
/** How long a side that was told of the end may take to read it. */
const LINGER_MS = 1000;

/** Both sides are read from now on. Whatever either side sends behind its handshake passes unseen, whole and in order. */
export function tunnel({ client, upstream, idleMs }: TunnelOptions): Tunnel {
  const frames = frameEnds();
  const idle = setTimeout(() => {
    client.destroy();
    upstream.destroy();
  }, idleMs);
  let over = false;
  const ended = (other: Duplex, orderly: boolean): void => {
    clearTimeout(idle);
    if (over) return;
    over = true;
    // What an orderly side said last still reaches the other.
    if (orderly) linger(other);
    else other.destroy();
  };
  upstream.on('error', () => upstream.destroy());
  upstream.on('data', (bytes: Uint8Array) => {
    frames.pass(bytes);
    idle.refresh();
  });
  client.on('data', () => idle.refresh());
  upstream.on('close', () => ended(client, upstream.readableEnded));
  client.on('close', () => ended(upstream, client.readableEnded));
  upstream.pipe(client);
  client.pipe(upstream);
  return {
    cut() {
      if (over) return;
      over = true;
      upstream.unpipe(client);
      upstream.destroy();
      // Behind bytes that the client does not read it would never arrive, and inside a frame it would be payload.
      if (!frames.open() || client.writableLength > 0) client.destroy();
      else linger(client, CUT);
    },
  };
}

/** Says the last word and closes; what the other side still says is read and dropped, lest a reset overtake the word. */
function linger(side: Duplex, word?: Uint8Array): void {
  side.unpipe();
  side.resume();
  if (side.writable) side.end(word);
  const timer = setTimeout(() => side.destroy(), LINGER_MS);
  side.once('close', () => clearTimeout(timer));
}

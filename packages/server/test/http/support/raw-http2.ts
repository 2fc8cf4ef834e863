/** A client of HTTP/2 that writes the frames it is told to, right or wrong (RFC 9113 section 4). */
import type { TLSSocket } from 'node:tls';
import type { TestTls } from './tls-listener.ts';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export const TYPE = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export interface RawHttp2 {
  readonly socket: TLSSocket;
  readonly frames: Frame[];
  /** Says nothing when the connection is gone. */
  send(...frames: readonly Uint8Array[]): void;
  /** Resolves with the first frame that fits, also one that came before. Rejects where the connection ends without it. */
  received(fits: (frame: Frame) => boolean): Promise<Frame>;
  /** Resolves when the connection is over, with the code of the last GOAWAY; undefined: there was none. */
  over(): Promise<number | undefined>;
}

/** After the preface and empty settings. */
export async function rawHttp2(server: Pick<TestTls, 'secure'>): Promise<RawHttp2> {
  const socket = await server.secure({ ALPNProtocols: ['h2'] });
  const frames: Frame[] = [];
  const waiting = new Set<() => void>();
  let pending = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
      const length = pending.readUIntBE(0, 3);
      frames.push({
        type: pending[3] ?? 0,
        flags: pending[4] ?? 0,
        stream: pending.readUInt32BE(5),
        payload: pending.subarray(9, 9 + length),
      });
      pending = pending.subarray(9 + length);
    }
    for (const look of waiting) look();
  });
  const closed = new Promise<unknown>((resolve) => socket.once('close', resolve));
  const send: RawHttp2['send'] = (...parts) => {
    if (socket.writable) socket.write(Buffer.concat(parts));
  };
  send(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(TYPE.settings, 0, 0));
  return {
    socket,
    frames,
    send,
    received: (fits) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = frames.find(fits);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        void closed.then(() => reject(new Error('the connection ended')));
        look();
      }),
    async over() {
      await closed;
      return frames.findLast(({ type }) => type === TYPE.goaway)?.payload.readUInt32BE(4);
    },
  };
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const END_STREAM = 1;
export const END_HEADERS = 4;

/** HEADERS with END_HEADERS, and END_STREAM where it is asked for. */
export function headers(stream: number, fields: Readonly<Record<string, string>>, flags = 0): Buffer {
  return frame(TYPE.headers, END_HEADERS | flags, stream, hpack(fields));
}

export function data(stream: number, text: string, flags = 0): Buffer {
  return frame(TYPE.data, flags, stream, Buffer.from(text));
}

export function rstStream(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(TYPE.rstStream, 0, stream, payload);
}

/** Literal fields that no table keeps (RFC 7541 section 6.2.2). */
export function hpack(fields: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, 'latin1');
    return Buffer.concat([length(bytes.length), bytes]);
  };
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** An integer with a prefix of 7 bits (RFC 7541 section 5.1). */
function length(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(128 + (rest % 128));
  return Buffer.from([...bytes, rest]);
}

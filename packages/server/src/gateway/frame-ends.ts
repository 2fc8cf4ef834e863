/** Where the frames of a WebSocket end (RFC 6455 section 5.2), counted as they pass, so that a frame of ours can stand between two. */
import { Buffer } from 'node:buffer';

export interface FrameEnds {
  /** Bytes that passed, in their order. */
  pass(bytes: Uint8Array): void;
  /** Whether another frame may follow here: the last one has ended, and it was no Close. */
  open(): boolean;
}

const CLOSE = 0x8;

export function frameEnds(): FrameEnds {
  let next: 'first' | 'second' | 'length' | 'rest' = 'first';
  let opcode = 0;
  let masked = false;
  /** Bytes of the extended length that are still to come. */
  let more = 0;
  /** Bytes of the frame, after its length, that are still to come. */
  let left = 0;
  let closed = false;

  const begin = (length: number): void => {
    left = masked ? length + 4 : length;
    next = left === 0 ? 'first' : 'rest';
    closed ||= opcode === CLOSE;
  };

  const header = (byte: number): void => {
    if (next === 'first') {
      opcode = byte & 0x0f;
      next = 'second';
    } else if (next === 'second') {
      masked = (byte & 0x80) !== 0;
      const length = byte & 0x7f;
      more = length < 126 ? 0 : length === 126 ? 2 : 8;
      left = 0;
      next = 'length';
      if (more === 0) begin(length);
    } else {
      // A length beyond 2^53 is not exact, and never counted down to its end.
      left = left * 256 + byte;
      more -= 1;
      if (more === 0) begin(left);
    }
  };

  return {
    pass(bytes) {
      for (let at = 0; at < bytes.length; ) {
        if (next === 'rest') {
          const step = Math.min(left, bytes.length - at);
          at += step;
          left -= step;
          if (left === 0) next = 'first';
        } else {
          header(bytes[at] ?? 0);
          at += 1;
        }
      }
    },
    open: () => next === 'first' && !closed,
  };
}

/** A Close frame as a server sends it, unmasked. The reason has at most 123 bytes. */
export function closeFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason);
  return Buffer.concat([Buffer.from([0x80 | CLOSE, text.length + 2, code >> 8, code & 0xff]), text]);
}

import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closeFrame, frameEnds } from '../../src/gateway/frame-ends.ts';
import { frame } from './support/websocket.ts';

const TEXT = 1;
const CLOSE = 8;

describe('the end of a frame', () => {
  it('is found in every cut of the bytes, whatever their length', () => {
    const sizes = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000));
    fc.assert(
      fc.property(fc.array(sizes, { maxLength: 6 }), fc.array(fc.nat(1000), { maxLength: 40 }), (lengths, cuts) => {
        const frames = lengths.map((length) => Buffer.from(frame(TEXT, 'x'.repeat(length)), 'latin1'));
        const bytes = Buffer.concat(frames);
        const boundaries = new Set([0]);
        frames.reduce((end, { length }) => {
          boundaries.add(end + length);
          return end + length;
        }, 0);
        const ends = frameEnds();
        expect(ends.open()).toBe(true);
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          const piece = bytes.subarray(at, at + cut);
          ends.pass(piece);
          at += piece.length;
          expect(ends.open()).toBe(boundaries.has(at));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('counts the mask of a masked frame', () => {
    const ends = frameEnds();
    ends.pass(Uint8Array.of(0x81, 0x82, 1, 2, 3, 4, 5));
    expect(ends.open()).toBe(false);
    ends.pass(Uint8Array.of(6));
    expect(ends.open()).toBe(true);
    ends.pass(Uint8Array.of(0x89, 0x80, 1, 2, 3));
    expect(ends.open()).toBe(false);
    ends.pass(Uint8Array.of(4));
    expect(ends.open()).toBe(true);
  });

  it('never comes again after a Close, nor after a length that cannot be', () => {
    for (const last of [frame(CLOSE, ''), frame(CLOSE, '\x03\xe8bye'), `\x82\x7f${'\xff'.repeat(8)}`]) {
      const ends = frameEnds();
      ends.pass(Buffer.from(frame(TEXT, 'a') + last, 'latin1'));
      expect(ends.open()).toBe(false);
      ends.pass(Buffer.from(frame(TEXT, 'a'), 'latin1'));
      expect(ends.open()).toBe(false);
    }
  });

  it('may be followed by a Close of ours: unmasked, with code and reason', () => {
    expect([...closeFrame(1008, 'no')]).toEqual([0x88, 4, 0x03, 0xf0, 0x6e, 0x6f]);
  });
});

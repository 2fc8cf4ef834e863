/** An event stream says the same in whatever pieces it arrives, and cannot grow what reads it. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventReader, type ServerEvent } from '../../src/lookups/remote/event-reader.ts';

function read(bytes: Uint8Array, ...cuts: readonly number[]): readonly ServerEvent[] {
  const reader = eventReader();
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  return places.slice(1).flatMap((end, index) => reader(bytes.subarray(places[index], end)));
}

const lineEnd = fc.constantFrom('\n', '\r', '\r\n');
const value = fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll(/[\r\n\ufeff]/g, '€'));
const field = fc.oneof(
  fc
    .tuple(fc.constantFrom('data: ', 'data:', 'event: ', ': ', 'id: ', 'retry: ', 'else: '), value)
    .map((of) => of.join('')),
  fc.constantFrom('data', 'event', '', '', ''),
);
const stream = fc
  .array(fc.tuple(field, lineEnd), { maxLength: 30 })
  .map((lines) => Buffer.from(lines.map((of) => of.join('')).join('')));

describe('an event stream', () => {
  test('says the same when it is cut at any byte', () => {
    fc.assert(
      fc.property(stream, (bytes) => {
        const whole = read(bytes);
        for (let cut = 0; cut <= bytes.length; cut += 1) expect(read(bytes, cut)).toEqual(whole);
        expect(read(bytes, ...bytes.keys())).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });

  test('is read as the standard writes it', () => {
    const text =
      '\ufeff: following\n\nevent: token.revoked\ndata: {"seq":1,\ndata:"id":"€"}\n\r\nevent: none\r\rdata\n\ndata:  x\n\n';
    expect(read(Buffer.from(text))).toEqual([
      { type: 'token.revoked', data: '{"seq":1,\n"id":"€"}' },
      { type: 'message', data: '' },
      { type: 'message', data: ' x' },
    ]);
  });

  test('gives no event that has not ended', () => {
    expect(read(Buffer.from('data: 1\n\ndata: 2\n'))).toEqual([{ type: 'message', data: '1' }]);
  });

  test.each(['data: ', ': '])('is refused where a line of "%s" does not end', (start) => {
    const reader = eventReader(1000);
    const chunk = Buffer.alloc(400, 'x');
    reader(Buffer.from(start));
    reader(chunk);
    reader(chunk);
    expect(() => reader(chunk)).toThrow(new RangeError('a line of more than 1000 characters'));
  });

  test('is refused where an event does not end', () => {
    const reader = eventReader(1000);
    const line = Buffer.from(`data: ${'x'.repeat(394)}\n`);
    reader(line);
    reader(line);
    expect(() => reader(line)).toThrow(new RangeError('an event of more than 1000 characters'));
  });

  test('may hold comments for ever', () => {
    const reader = eventReader(1000);
    for (let beat = 0; beat < 1000; beat += 1) expect(reader(Buffer.from(': alive\n\n'))).toEqual([]);
    expect(reader(Buffer.from('data: 1\n\n'))).toEqual([{ type: 'message', data: '1' }]);
  });
});

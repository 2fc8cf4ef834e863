/** A cursor is good for the list, filter and workspace that gave it, and cannot be made by anybody else. */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { property, assert as propertyHolds, record, string, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cursors, type ListIdentity } from '../../src/api/cursor.ts';

const key = createHash('sha256').update('cursors').digest();
const list = cursors(key);
const identity: ListIdentity = { list: 'tokens', workspace: 'ws_1', filter: { owner: 'own_1', q: undefined } };
const rows = Array.from({ length: 5 }, (_, index) => ({ id: `tok_${9 - index}` }));
const view = (row: { readonly id: string }) => row.id;

function cursorOf(of: ListIdentity, from = list): string {
  const request = from.request(of, { limit: 2 });
  const { nextCursor } = from.page(of, request, rows.slice(0, request.limit), view);
  if (nextCursor === null) throw new Error('no cursor');
  return nextCursor;
}

describe('pages', () => {
  test('follow one another, and the last one says so', () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < 4; pages += 1) {
      const request = list.request(identity, { limit: 2, cursor });
      const { before } = request;
      const read = rows.filter(({ id }) => before === undefined || id < before).slice(0, request.limit);
      const { items, nextCursor } = list.page(identity, request, read, view);
      seen.push(...items);
      if (nextCursor === null) break;
      cursor = nextCursor;
    }
    expect(seen).toEqual(rows.map(view));
  });

  test('a full last page has no next one', () => {
    const request = list.request(identity, { limit: 5 });
    expect(list.page(identity, request, rows, view).nextCursor).toBeNull();
    expect(list.page(identity, request, [], view)).toEqual({ items: [], nextCursor: null });
  });
});

describe('refused', () => {
  const others: readonly (readonly [string, ListIdentity])[] = [
    ['another list', { ...identity, list: 'owners' }],
    ['another workspace', { ...identity, workspace: 'ws_2' }],
    ['another filter', { ...identity, filter: { owner: 'own_2' } }],
    ['a further filter', { ...identity, filter: { owner: 'own_1', status: 'active' } }],
    ['no filter', { ...identity, filter: {} }],
  ];
  test.each(others)('of %s', (_, other) => {
    expect(() => list.request(identity, { cursor: cursorOf(other) })).toThrow(/is not a cursor of this list/);
  });

  test('of another key', () => {
    const foreign = cursorOf(identity, cursors(new Uint8Array(32)));
    expect(() => list.request(identity, { cursor: foreign })).toThrow(/is not a cursor of this list/);
  });

  test('in another spelling, and changed in any bit', () => {
    const good = cursorOf(identity);
    expect(list.request(identity, { cursor: good }).before).toBe('tok_8');
    for (const cursor of [`${good}=`, `${good}==`, ` ${good}`, `${good}\n`, good.slice(0, -1), `${good}A`])
      expect(() => list.request(identity, { cursor })).toThrow(/is not a cursor/);
    const bytes = Buffer.from(good, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Uint8Array.from(bytes, (byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      const cursor = Buffer.from(changed).toString('base64url');
      expect(() => list.request(identity, { cursor })).toThrow(/is not a cursor/);
    }
  });

  test('whatever else a stranger makes up', () => {
    propertyHolds(
      property(string(), uint8Array({ maxLength: 60 }), (text, bytes) => {
        for (const cursor of [text, Buffer.from(bytes).toString('base64url')])
          expect(() => list.request(identity, { cursor })).toThrow(/is not a cursor/);
      }),
      { numRuns: 300 },
    );
  });
});

test('a cursor opens for exactly one identity', () => {
  const identities = record({ list: string(), workspace: string(), filter: record({ q: string() }) });
  propertyHolds(
    property(identities, identities, (one, other) => {
      const cursor = cursorOf(one);
      expect(list.request(one, { cursor }).before).toBe('tok_8');
      if (JSON.stringify(one) !== JSON.stringify(other))
        expect(() => list.request(other, { cursor })).toThrow(/is not a cursor/);
    }),
    { numRuns: 200 },
  );
});

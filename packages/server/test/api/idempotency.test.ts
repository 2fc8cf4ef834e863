/** A repeat hears the first answer; what is kept for it can be read only with the caller's own credential and the key. */
import { Buffer } from 'node:buffer';
import { generate } from '@tessera/token';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  inFlight,
  isIdempotencyKey,
  keyedRequest,
  open,
  type RequestIdentity,
  seal,
} from '../../src/api/idempotency.ts';

const credential = generate({ prefix: 'tsm', environment: 'live' });
const secret = generate({ prefix: 'tsr', environment: 'live' });
const identity: RequestIdentity = {
  key: 'key-1',
  caller: 'tok_1',
  credential,
  workspace: 'ws_1',
  method: 'POST',
  path: '/v1/tokens',
  body: Buffer.from('{"name":"a"}'),
  conditions: '',
};
const answer = { status: 201, body: JSON.stringify({ token: secret }), etag: '"1"', problem: false };

describe('the seal', () => {
  test('opens for the same request, and holds nothing that can be read', () => {
    const kept = seal(keyedRequest(identity), answer, 1);
    expect(open(keyedRequest({ ...identity }), kept)).toEqual(answer);
    const stored = Buffer.from(JSON.stringify({ ...kept, sealed: Buffer.from(kept.sealed).toString('latin1') }));
    for (const text of [secret, credential, identity.key, 'token']) expect(stored.includes(text)).toBe(false);
  });

  test('is another one each time: no nonce is used twice', () => {
    const keyed = keyedRequest(identity);
    const seals = Array.from({ length: 50 }, () => Buffer.from(seal(keyed, answer, 1).sealed).toString('hex'));
    expect(new Set(seals.map((text) => text.slice(0, 24))).size).toBe(50);
  });

  test.each([
    ['another credential', { credential: generate({ prefix: 'tsm', environment: 'live' }) }],
    ['another key', { key: 'key-2' }],
    ['another caller', { caller: 'tok_2' }],
    ['another workspace', { workspace: 'ws_2' }],
    ['another path', { path: '/v1/owners' }],
    ['another method', { method: 'PUT' }],
  ])('does not open with %s', (_, over) => {
    const kept = seal(keyedRequest(identity), answer, 1);
    expect(() => open(keyedRequest({ ...identity, ...over }), kept)).toThrow(/idempotency_key_reused/);
  });

  test.each([
    ['body', { body: Buffer.from('{"name":"b"}') }],
    ['If-Match', { conditions: '"2"' }],
  ])('is told apart from that of a request with another %s', (_, over) => {
    const kept = seal(keyedRequest(identity), answer, 1);
    expect(() => open(keyedRequest({ ...identity, ...over }), kept)).toThrow('used with another request body');
  });

  test('is broken by any bit that is changed, and by a shorter tag', () => {
    const keyed = keyedRequest(identity);
    const kept = seal(keyed, answer, 1);
    for (let index = 0; index < kept.sealed.length; index += 1) {
      const sealed = Uint8Array.from(kept.sealed, (byte, at) => (at === index ? byte ^ 1 : byte));
      expect(() => open(keyed, { ...kept, sealed })).toThrow(/idempotency_key_reused/);
    }
    for (const length of [0, 12, 20, 28])
      expect(() => open(keyed, { ...kept, sealed: kept.sealed.slice(0, length) })).toThrow();
  });

  test('parts that are joined cannot be shifted into one another', () => {
    const one = keyedRequest({ ...identity, caller: 'a', workspace: 'b,c' });
    const other = keyedRequest({ ...identity, caller: 'a,b', workspace: 'c' });
    expect(one.id).not.toBe(other.id);
  });
});

test.each([
  ['a', true],
  ['~!"#', true],
  ['x'.repeat(255), true],
  ['', false],
  ['x'.repeat(256), false],
  ['two words', false],
  ['one, two', false],
  ['ä', false],
  ['\x7f', false],
])('the key %j: %s', (key, good) => {
  expect(isIdempotencyKey(key)).toBe(good);
});

describe('one in flight', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('runs alone; who comes meanwhile waits for it, then runs', async () => {
    const { alone } = inFlight();
    const first = Promise.withResolvers<string>();
    const order: string[] = [];
    const one = alone('id', () => first.promise);
    const two = alone('id', async () => order.push('second'));
    const three = alone('id', async () => order.push('third'));
    const other = alone('other', async () => order.push('other'));
    await other;
    expect(order).toEqual(['other']);
    await vi.advanceTimersByTimeAsync(4999);
    first.resolve('done');
    expect(await one).toBe('done');
    await Promise.all([two, three]);
    expect(order).toEqual(['other', 'second', 'third']);
  });

  test('hears after 5 seconds that it still runs, and no sooner', async () => {
    const { alone } = inFlight();
    const first = Promise.withResolvers<void>();
    const one = alone('id', () => first.promise);
    let told: unknown;
    const two = alone('id', async () => 'ran').catch((error: unknown) => {
      told = error;
    });
    await vi.advanceTimersByTimeAsync(4999);
    expect(told).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await two;
    expect(told).toMatchObject({ code: 'idempotency_in_flight' });
    first.resolve();
    await one;
    expect(await alone('id', async () => 'ran')).toBe('ran');
  });

  test('that fails lets the next one run, and leaves nothing behind', async () => {
    const { alone } = inFlight();
    const one = alone('id', () => Promise.reject(new Error('failed')));
    const two = alone('id', async () => 'ran');
    await expect(one).rejects.toThrow('failed');
    expect(await two).toBe('ran');
    expect(vi.getTimerCount()).toBe(0);
  });
});

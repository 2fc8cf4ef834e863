/** A key that an issuer withdraws dies within minutes; an outage of the issuer stops no token, for as long as its keys are kept. */
import { type KeySet, keySet } from '@tessera/verify/jose';
import { describe, expect, test } from 'vitest';
import { newIssuerKey } from '../../../../test/support/issuer.ts';
import { type FollowedKeys, followedKeys } from '../../src/issuers/followed-keys.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const [one, two] = [newIssuerKey(), newIssuerKey('EdDSA')];
const setOf = (...keys: readonly { readonly jwk: object }[]): KeySet => keySet({ keys: keys.map(({ jwk }) => jwk) });

interface Followed {
  readonly keys: FollowedKeys;
  readonly events: string[];
  /** What the issuer answers; an error: it does not. */
  answer: KeySet | Error;
  /** Set: it answers when this resolves. */
  after: Promise<void> | undefined;
  fetches: number;
  /** Whether a key is there at a time; `fault`: it cannot be told. */
  has(key: { readonly kid: string }, minutes: number): Promise<boolean | 'fault'>;
}

function follow(keptMs = 24 * HOUR): Followed {
  const events: string[] = [];
  const followed: Followed = {
    keys: followedKeys({
      async fetch() {
        followed.fetches += 1;
        await followed.after;
        if (followed.answer instanceof Error) throw followed.answer;
        return followed.answer;
      },
      keptMs,
      on: (event) => events.push(event),
    }),
    events,
    answer: setOf(one),
    after: undefined,
    fetches: 0,
    async has({ kid }, minutes) {
      try {
        return (await followed.keys.find(kid, minutes * MINUTE)) !== undefined;
      } catch {
        return 'fault';
      }
    },
  };
  return followed;
}

describe('while the issuer answers', () => {
  test('its keys are fetched once, and again beside the requests after five minutes', async () => {
    const followed = follow();
    expect(await followed.has(one, 0)).toBe(true);
    expect(await followed.has(one, 4.9)).toBe(true);
    expect(followed.fetches).toBe(1);
    // From memory: not even a promise.
    expect(followed.keys.find(one.kid, 5 * MINUTE)).toHaveProperty('alg', 'ES256');
    await new Promise(setImmediate);
    expect(await followed.has(one, 9.9)).toBe(true);
    expect(followed.fetches).toBe(2);
  });

  test('a key that it withdraws is gone after ten minutes at the latest, and at the next use after five', async () => {
    const followed = follow();
    expect(await followed.has(one, 0)).toBe(true);
    followed.answer = setOf(two);
    expect(await followed.has(one, 10)).toBe(false);
    expect(await followed.has(two, 10)).toBe(true);
    followed.answer = setOf(one);
    expect(await followed.has(two, 15)).toBe(true);
    await new Promise(setImmediate);
    expect(await followed.has(two, 15)).toBe(false);
  });

  test('a key that is not known is looked for at once, and then twice a minute, however many ask', async () => {
    const followed = follow();
    expect(await followed.has(one, 0)).toBe(true);
    followed.answer = setOf(one, two);
    expect(await followed.has(two, 0.4)).toBe(false);
    let release = (): void => undefined;
    followed.after = new Promise((done) => {
      release = done;
    });
    const asked = Array.from({ length: 50 }, () => followed.has(two, 0.5));
    release();
    expect(new Set(await Promise.all(asked))).toEqual(new Set([true]));
    expect(followed.fetches).toBe(2);
    for (let index = 0; index < 100; index += 1) await followed.has(newKid(index), 0.6 + index / 1000);
    expect(followed.fetches).toBe(2);
  });
});

describe('while it does not', () => {
  test('known keys count on for as long as they are kept, nobody waits, and it is told once', async () => {
    const followed = follow();
    expect(await followed.has(one, 0)).toBe(true);
    followed.answer = new Error('away');
    expect(await followed.has(one, 11)).toBe(true);
    // Tried again four times a minute, beside the requests.
    for (let second = 0; second < 60; second += 1) expect(await followed.has(one, 12 + second / 60)).toBe(true);
    expect(followed.fetches).toBe(6);
    expect(followed.events).toEqual(['fetched', 'failed', 'lost', 'failed', 'failed', 'failed', 'failed']);
    expect(await followed.has(one, 24 * 60 - 1)).toBe(true);
    expect(await followed.has(one, 24 * 60)).toBe('fault');
    expect(followed.keys.ageMs(24 * HOUR)).toBe(24 * HOUR);
  });

  test('a key that is not known cannot be told', async () => {
    const followed = follow();
    expect(await followed.has(one, 0)).toBe(true);
    followed.answer = new Error('away');
    expect(await followed.has(two, 1)).toBe('fault');
    expect(await followed.has(one, 1)).toBe(true);
  });

  test('and it answers again, what it says then counts', async () => {
    const followed = follow();
    expect(await followed.has(one, 0)).toBe(true);
    followed.answer = new Error('away');
    expect(await followed.has(one, 60)).toBe(true);
    followed.answer = setOf(two);
    expect(await followed.has(one, 60.5)).toBe(true);
    await new Promise(setImmediate);
    expect(await followed.has(one, 60.5)).toBe(false);
    expect(followed.events).toEqual(['fetched', 'failed', 'lost', 'fetched', 'recovered']);
  });

  test('is asked first where nobody asked for a minute: a failure of long ago keeps no key', async () => {
    const followed = follow();
    expect(await followed.has(one, 0)).toBe(true);
    followed.answer = new Error('away');
    expect(await followed.has(two, 1)).toBe('fault');
    followed.answer = setOf(two);
    const asked = [followed.has(one, 120), followed.has(one, 120)];
    expect(await Promise.all(asked)).toEqual([false, false]);
    expect(followed.fetches).toBe(3);
  });

  test('and no keys are known, everything is a fault, and it is asked once a second', async () => {
    const followed = follow();
    followed.answer = new Error('away');
    for (let tenth = 0; tenth < 30; tenth += 1) expect(await followed.has(one, tenth / 600)).toBe('fault');
    expect(followed.fetches).toBe(3);
    followed.answer = setOf(one);
    expect(await followed.has(one, 1)).toBe(true);
  });

  test('where keys are not to be kept, they count for ten minutes', async () => {
    const followed = follow(0);
    expect(await followed.has(one, 0)).toBe(true);
    followed.answer = new Error('away');
    expect(await followed.has(one, 9.9)).toBe(true);
    expect(await followed.has(one, 10)).toBe('fault');
  });

  test('and the clock is set back, nothing is known of the age of keys', async () => {
    const followed = follow();
    expect(await followed.has(one, 100)).toBe(true);
    followed.answer = new Error('away');
    expect(await followed.has(one, 0)).toBe('fault');
  });
});

function newKid(index: number): { readonly kid: string } {
  return { kid: `stranger-${index}` };
}

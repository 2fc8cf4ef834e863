/** Strangers can make up tokens without end: whoever was known before is answered all the same, and ahead of them. */
import { generate } from '@tessera/token';
import { describe, expect, test } from 'vitest';
import { digestKey } from '../../src/index.ts';
import { familiarDigests } from '../../src/lookups/remote/familiar-digests.ts';
import { lookUpQueue } from '../../src/lookups/remote/look-up-queue.ts';
import { factsOf, TOKEN } from '../support/tokens.ts';
import { following, onWire } from '../support/told-server.ts';

const newToken = () => generate({ prefix: 'tsr', environment: 'live' });

/** A verifier that knows one token, and a server that stops answering. */
async function flooded() {
  const held = await following();
  held.server.tokens.set(TOKEN, factsOf({ expiresAt: undefined }));
  held.stream.beat({ seq: 10, clock: 0 });
  held.server.seq = 10;
  await held.settled();
  expect(await held.code(TOKEN)).toBe('ok');
  held.server.mode = 'hang';
  const strangers = Promise.all(Array.from({ length: 2000 }, () => held.code(newToken())));
  await held.settled();
  expect(await held.code(newToken())).toBe('fault');
  return { held, strangers };
}

describe('a token that was known before', () => {
  test('is answered from memory while the flood lasts', async () => {
    const { held, strangers } = await flooded();
    await using verifier = held;
    expect(await verifier.code(TOKEN)).toBe('ok');
    held.server.mode = 'answer';
    expect(new Set(await strangers)).toEqual(new Set(['unknown']));
  });

  test('and changed since is looked up with the next call, not refused for want of a place', async () => {
    const { held, strangers } = await flooded();
    await using verifier = held;
    held.server.tokens.set(TOKEN, factsOf({ expiresAt: undefined, enabled: false }));
    held.server.seq = 11;
    held.stream.change(11, 'token.disabled', 'tok_1');
    await held.settled();
    const code = verifier.code(TOKEN);
    const before = held.server.callsTo('/v1/lookups').length;
    held.server.mode = 'answer';
    expect(await code).toBe('disabled');
    const next = held.server.callsTo('/v1/lookups')[before];
    expect(next?.body.digests).toContain(onWire(TOKEN));
    expect(new Set(await strangers)).toEqual(new Set(['unknown']));
  });
});

describe('what waits to be sent', () => {
  const queued = (familiar: number, others: number) => {
    const queue = lookUpQueue<{ readonly isFamiliar: boolean }>();
    for (let count = 0; count < others; count += 1) queue.add({ isFamiliar: false });
    for (let count = 0; count < familiar; count += 1) queue.add({ isFamiliar: true });
    return queue;
  };

  test.each([
    { familiar: 0, others: 150, first: 0, of: 100 },
    { familiar: 10, others: 150, first: 10, of: 100 },
    { familiar: 300, others: 150, first: 75, of: 100 },
    { familiar: 300, others: 10, first: 90, of: 100 },
    { familiar: 300, others: 0, first: 100, of: 100 },
    { familiar: 3, others: 4, first: 3, of: 7 },
  ])(
    '$familiar that were known and $others others: of the next $of, $first were',
    ({ familiar, others, first, of }) => {
      const queue = queued(familiar, others);
      const next = queue.take(100);
      expect(next).toHaveLength(of);
      expect(next.filter(({ isFamiliar }) => isFamiliar)).toHaveLength(first);
      expect(queue.takeAll()).toHaveLength(familiar + others - of);
      expect(queue.isEmpty()).toBe(true);
    },
  );
});

describe('the memory of who was known', () => {
  test('holds nearly all that it is made for, and no other', () => {
    const familiar = familiarDigests(10_000);
    const known = Array.from({ length: 10_000 }, (_, index) => digestKey(`known ${index}`));
    for (const digest of known) familiar.add(digest);
    expect(known.filter((digest) => familiar.has(digest)).length).toBeGreaterThan(7_000);
    const others = Array.from({ length: 100_000 }, (_, index) => digestKey(`other ${index}`));
    expect(others.filter((digest) => familiar.has(digest)).length).toBeLessThan(3);
    expect(familiarDigests(10).has(digestKey('nobody'))).toBe(false);
  });
});

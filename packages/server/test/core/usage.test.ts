/** Every call is counted exactly once, whatever the store does meanwhile, in memory that does not grow with its absence. */
import { digestKeyOf, type TokenFacts } from '@tessera/verify';
import { describe, expect, test } from 'vitest';
import { OutcomeUnknown, type Store, StoreUnavailable } from '../../src/core/store-port.ts';
import { factsOf } from '../../src/core/tokens/facts.ts';
import { rotate } from '../../src/core/tokens/rotate.ts';
import { createUsage, type Usage } from '../../src/core/usage.ts';
import { aPlatform, NOW, type Platform, signing } from './support/platform.ts';

const HOUR = 3_600_000;
/** What the store does with the next write. */
type Fate = 'works' | 'away' | 'lost before commit' | 'lost after commit';

interface Counting extends Platform {
  readonly usage: Usage;
  readonly errors: unknown[];
  readonly writes: { count: number };
  fate(next: Fate): void;
  token(): Promise<TokenFacts>;
  /** Allowed and denied, over all hours. */
  counted(token: string): Promise<readonly [number, number]>;
}

async function counting(): Promise<Counting> {
  const platform = await aPlatform();
  let fate: Fate = 'works';
  const errors: unknown[] = [];
  const writes = { count: 0 };
  const write: Store['write'] = async (work) => {
    writes.count += 1;
    if (fate === 'away') throw new StoreUnavailable('away');
    if (fate === 'lost before commit') throw new OutcomeUnknown('lost');
    const value = await platform.store.write(work);
    if (fate === 'lost after commit') throw new OutcomeUnknown('lost');
    return value;
  };
  const usage = createUsage({ store: { write }, now: platform.clock.now, onError: (error) => errors.push(error) });
  return {
    ...platform,
    usage,
    errors,
    writes,
    fate(next) {
      fate = next;
    },
    async token() {
      const { minted } = await platform.manager(['verify']);
      return factsFor(platform, minted.secrets[0]?.digest);
    },
    async counted(token) {
      const hours = await platform.store.usage(token, 0, NOW * 2);
      return [hours.reduce((sum, { allowed }) => sum + allowed, 0), hours.reduce((sum, { denied }) => sum + denied, 0)];
    },
  };
}

async function factsFor({ store }: Platform, digest: Uint8Array | undefined): Promise<TokenFacts> {
  const context = digest && (await store.find(digestKeyOf(digest)));
  if (context === undefined) throw new Error('no such secret');
  return factsOf(context);
}

function times(count: number, act: () => void): void {
  for (let index = 0; index < count; index += 1) act();
}

describe('counts', () => {
  test('allowed and denied, by the hour', async () => {
    const { usage, clock, token, store } = await counting();
    const facts = await token();
    times(3, () => usage.count(true, facts));
    clock.move(HOUR);
    times(2, () => usage.count(false, facts));
    clock.move(-HOUR);
    times(1, () => usage.count(true, facts));
    expect(usage.buffered()).toBe(2);
    await usage.flush();
    expect(usage.buffered()).toBe(0);
    expect(await store.usage(facts.id, 0, NOW * 2)).toEqual([
      { token: facts.id, hour: NOW, allowed: 4, denied: 0 },
      { token: facts.id, hour: NOW + HOUR, allowed: 0, denied: 2 },
    ]);
  });

  test.each([
    ['away', 'works'],
    ['lost before commit', 'works'],
    ['lost after commit', 'works'],
    ['lost after commit', 'away'],
    ['lost after commit', 'lost before commit'],
    ['lost before commit', 'lost after commit'],
    ['lost after commit', 'lost after commit'],
  ] as const)('exactly, where the store is %s, then %s', async (first, second) => {
    const { usage, fate, token, counted, errors } = await counting();
    const facts = await token();
    times(5, () => usage.count(true, facts));
    fate(first);
    await usage.flush();
    times(2, () => usage.count(true, facts));
    times(1, () => usage.count(false, facts));
    fate(second);
    await usage.flush();
    fate('works');
    await usage.flush();
    await usage.flush();
    expect(await counted(facts.id)).toEqual([7, 1]);
    expect(errors.length).toBeGreaterThan(0);
    expect(usage.buffered()).toBe(0);
  });

  test('in flushes that overlap, and what came while one ran', async () => {
    const { usage, token, counted } = await counting();
    const facts = await token();
    const flushes = Array.from({ length: 10 }, () => {
      times(10, () => usage.count(true, facts));
      return usage.flush();
    });
    times(5, () => usage.count(true, facts));
    await Promise.all(flushes);
    await usage.stop();
    expect(await counted(facts.id)).toEqual([105, 0]);
  });

  test('at the end, too', async () => {
    const { usage, token, counted } = await counting();
    const facts = await token();
    usage.start();
    times(3, () => usage.count(false, facts));
    await usage.stop();
    expect(await counted(facts.id)).toEqual([0, 3]);
  });

  test('in one entry for each token and hour, however long the store is away', async () => {
    const { usage, fate, clock, token, counted } = await counting();
    const facts = await token();
    fate('away');
    for (let second = 0; second < 600; second += 1) {
      usage.count(true, facts);
      await usage.flush();
      clock.move(1000);
    }
    expect(usage.buffered()).toBe(1);
    fate('works');
    await usage.flush();
    expect(await counted(facts.id)).toEqual([600, 0]);
  });

  test('of many tokens in several units of work, so that others get in between', async () => {
    const { usage, token, writes } = await counting();
    const facts = await token();
    for (let index = 0; index < 5000; index += 1) usage.count(false, { ...facts, id: `tok_${index}` });
    writes.count = 0;
    await usage.flush();
    expect({ writes: writes.count, left: usage.buffered() }).toEqual({ writes: 10, left: 0 });
  });
});

describe('last use', () => {
  test('is written at once, then at most once a minute, and the last one is not lost', async () => {
    const { usage, clock, store, token, workspace } = await counting();
    const facts = await token();
    const lastUse = async () => (await store.token(workspace, facts.id))?.token.lastUsedAt;
    usage.count(false, facts);
    await usage.flush();
    expect(await lastUse()).toBeNull();
    const first = clock.now();
    usage.count(true, facts);
    await usage.flush();
    expect(await lastUse()).toBe(first);
    clock.move(30_000);
    const second = clock.now();
    usage.count(true, facts);
    await usage.flush();
    expect(await lastUse()).toBe(first);
    clock.move(30_000);
    await usage.flush();
    expect(await lastUse()).toBe(second);
  });

  test('is known of each secret of a token, also where both are used between two writes', async () => {
    const platform = await counting();
    const { usage, clock, store, workspace } = platform;
    const { minted } = await platform.manager(['verify']);
    const digest = minted.secrets[0]?.digest;
    const rotated = await platform.as(platform.root, (tx, call) => rotate(tx, call, minted.token.id, { signing }));
    const old = await factsFor(platform, digest);
    const fresh = await factsFor(platform, rotated.secrets[0]?.digest);
    usage.count(true, old);
    clock.move(1);
    usage.count(true, fresh);
    await usage.flush();
    const secrets = (await store.token(workspace, minted.token.id))?.secrets;
    expect(secrets?.map(({ state, lastUsedAt }) => [state, lastUsedAt])).toEqual([
      ['active', NOW + 1],
      ['retiring', NOW],
    ]);
  });

  test('is not lost where the store was away, nor moved back', async () => {
    const { usage, fate, clock, store, token, workspace } = await counting();
    const facts = await token();
    usage.count(true, facts);
    fate('away');
    await usage.flush();
    clock.move(10);
    usage.count(true, facts);
    fate('works');
    await usage.flush();
    expect((await store.token(workspace, facts.id))?.token.lastUsedAt).toBe(NOW + 10);
  });

  test('that waits for its minute is written at the end', async () => {
    const { usage, clock, store, token, workspace } = await counting();
    const facts = await token();
    usage.count(true, facts);
    await usage.flush();
    clock.move(5000);
    usage.count(true, facts);
    await usage.stop();
    expect((await store.token(workspace, facts.id))?.token.lastUsedAt).toBe(NOW + 5000);
  });
});

describe('first use of a pending secret', () => {
  async function pending() {
    const platform = await counting();
    const { minted } = await platform.manager(['verify']);
    const wish = { activate: 'first-use', graceSeconds: 60 } as const;
    const { secrets } = await platform.as(platform.root, (tx, call) =>
      rotate(tx, call, minted.token.id, { ...wish, signing }),
    );
    const facts = await factsFor(platform, secrets[0]?.digest);
    const activations = async () =>
      (await platform.store.audit(platform.workspace, { after: 0, limit: 100, action: 'token.rotate.activate' }))
        .length;
    const states = async () =>
      (await platform.store.token(platform.workspace, minted.token.id))?.secrets.map(({ state }) => state);
    return { ...platform, facts, activations, states, id: minted.token.id };
  }

  test('activates it, once, however many come at once', async () => {
    const { usage, facts, activations, states, store, id, workspace, writes } = await pending();
    expect(facts.secret.state).toBe('pending');
    usage.count(false, facts);
    expect(await states()).toEqual(['pending', 'active']);
    await usage.flush();
    writes.count = 0;
    times(20, () => usage.count(true, facts));
    await usage.flush();
    // One for the activation, one for the counts.
    expect(writes.count).toBe(2);
    expect({ states: await states(), activations: await activations() }).toEqual({
      states: ['active', 'retiring'],
      activations: 1,
    });
    const [, old] = (await store.token(workspace, id))?.secrets ?? [];
    expect(old?.validUntil).toBe(NOW + 60_000);
  });

  test('is made up for by the next use where the store was away', async () => {
    const { usage, facts, fate, activations, errors } = await pending();
    fate('away');
    usage.count(true, facts);
    await usage.flush();
    expect({ activations: await activations(), errors: errors.length }).toEqual({ activations: 0, errors: 2 });
    fate('works');
    usage.count(true, facts);
    await usage.flush();
    expect(await activations()).toBe(1);
  });
});

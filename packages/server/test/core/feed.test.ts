/** Whatever changes is told within one poll, whoever changed it; what may have been missed is told as that. */
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createFeed, type Feed } from '../../src/core/feed.ts';
import type { Change } from '../../src/core/model.ts';
import { type ScriptedStore, scriptedStore } from './support/scripted-store.ts';

const POLL_MS = 250;
const BOUND_MS = 5000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

interface Following {
  readonly store: ScriptedStore;
  readonly feed: Feed;
  readonly heard: string[];
  /** How often it was told that the store is there again. */
  returns(): number;
  readonly errors: unknown[];
  readonly time: { now: number };
  /** Lets time pass, with the polls that fall into it. */
  pass(ms: number): Promise<void>;
}

async function aFeed(before = 3): Promise<Following> {
  const store = scriptedStore();
  for (let index = 0; index < before; index += 1) store.commitElsewhere(change(`tok_before_${index}`));
  const time = { now: 1_000_000 };
  const errors: unknown[] = [];
  const feed = createFeed({
    store,
    monotonic: () => time.now,
    boundMs: BOUND_MS,
    pollMs: POLL_MS,
    onError: (error) => errors.push(error),
  });
  const heard: string[] = [];
  let returns = 0;
  feed.subscribe(
    (told) => heard.push(told === 'missed' ? told : told.id),
    () => {
      returns += 1;
    },
  );
  onTestFinished(() => feed.stop());
  await feed.start();
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 50) {
      time.now += 50;
      await vi.advanceTimersByTimeAsync(50);
    }
  };
  return { store, feed, heard, returns: () => returns, errors, time, pass };
}

function change(id: string, kind: Change['kind'] = 'token.revoked'): Omit<Change, 'seq' | 'at'> {
  return { workspace: 'ws_1', kind, id };
}

describe('told', () => {
  test('nothing of what was before the start', async () => {
    const { heard, pass } = await aFeed();
    await pass(1000);
    expect(heard).toEqual([]);
  });

  test('what another node changed, within one poll, in order', async () => {
    const { store, heard, pass } = await aFeed();
    store.commitElsewhere(change('tok_a'), change('tok_b'));
    await pass(POLL_MS);
    expect(heard).toEqual(['tok_a', 'tok_b']);
    await pass(1000);
    expect(heard).toEqual(['tok_a', 'tok_b']);
  });

  test('what this process changed, at once, and not again where nothing came between', async () => {
    const { store, heard, pass } = await aFeed();
    store.commitHere(change('tok_a'), change('tok_b'));
    expect(heard).toEqual(['tok_a', 'tok_b']);
    await pass(1000);
    expect(heard).toEqual(['tok_a', 'tok_b']);
  });

  test('what another node changed before this one did, though this one did not wait for it', async () => {
    const { store, heard, pass } = await aFeed();
    store.commitElsewhere(change('tok_theirs'));
    store.commitHere(change('tok_ours'));
    expect(heard).toEqual(['tok_ours']);
    await pass(POLL_MS);
    expect(new Set(heard)).toEqual(new Set(['tok_ours', 'tok_theirs']));
  });

  test('what this process changed while a poll was under way, and nothing as missed', async () => {
    const { store, heard, pass } = await aFeed();
    const poll = store.changes;
    let answer: (() => void) | undefined;
    Object.assign(store, {
      changes: async (filter: Parameters<typeof poll>[0]) => {
        const read = await poll(filter);
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return read;
      },
    });
    store.commitElsewhere(change('tok_theirs'));
    await pass(POLL_MS);
    store.commitHere(change('tok_ours'));
    Object.assign(store, { changes: poll });
    answer?.();
    await pass(2 * POLL_MS);
    expect(new Set(heard)).toEqual(new Set(['tok_theirs', 'tok_ours']));
  });

  test('what this process committed and a poll brought before it was told, once, and nothing as missed', async () => {
    const { store, heard, pass } = await aFeed();
    const poll = store.changes;
    const { promise: committed, resolve: commit } = Promise.withResolvers<void>();
    Object.assign(store, {
      changes: (filter: Parameters<typeof poll>[0]) => committed.then(() => poll(filter)),
    });
    await pass(POLL_MS);
    store.commitHere(change('tok_ours'));
    Object.assign(store, { changes: poll });
    commit();
    await pass(2 * POLL_MS);
    expect(heard).toEqual(['tok_ours']);
  });

  test('more than a page of changes', async () => {
    const { store, heard, pass } = await aFeed();
    store.commitElsewhere(...Array.from({ length: 2500 }, (_, index) => change(`tok_${index}`)));
    await pass(POLL_MS);
    expect(heard).toHaveLength(2500);
    expect(heard.at(-1)).toBe('tok_2499');
  });

  test('a gap, as missed, before what comes after it', async () => {
    const { store, heard, pass } = await aFeed();
    store.commitElsewhere(change('tok_lost'));
    store.lose(1);
    store.commitElsewhere(change('tok_after'));
    await pass(POLL_MS);
    expect(heard).toEqual(['missed', 'tok_after']);
  });

  test('to every listener, though one of them throws, and to none that left', async () => {
    const { store, feed, heard, errors, pass } = await aFeed();
    const left: unknown[] = [];
    feed.subscribe((told) => left.push(told))();
    feed.subscribe(() => {
      throw new Error('a bad listener');
    });
    const later: unknown[] = [];
    feed.subscribe((told) => later.push(told));
    store.commitElsewhere(change('tok_a'), change('tok_b'));
    await pass(POLL_MS);
    expect({ heard, later: later.length, left }).toEqual({ heard: ['tok_a', 'tok_b'], later: 2, left: [] });
    expect(errors).toHaveLength(2);
  });
});

describe('hinted', () => {
  test('what another node changed, at once; a hint of what is known already asks nothing', async () => {
    const { store, feed, heard, pass } = await aFeed();
    store.hearing?.heard(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(feed.source()).toBe('notify');
    store.commitElsewhere(change('tok_a'), change('tok_b'));
    store.hearing?.changed(5);
    await vi.advanceTimersByTimeAsync(0);
    expect({ heard, position: feed.position() }).toEqual({ heard: ['tok_a', 'tok_b'], position: 5 });
    const asked = store.polls;
    store.hearing?.changed(4);
    store.hearing?.changed(5);
    await vi.advanceTimersByTimeAsync(0);
    expect(store.polls).toBe(asked);
    await pass(1000);
    expect(heard).toEqual(['tok_a', 'tok_b']);
  });

  test('while a poll is under way: asked once more, for any number of hints', async () => {
    const { store, heard } = await aFeed();
    store.hearing?.heard(true);
    await vi.advanceTimersByTimeAsync(0);
    const asked = store.polls;
    for (const id of ['tok_a', 'tok_b', 'tok_c']) {
      store.commitElsewhere(change(id));
      store.hearing?.changed(6);
    }
    await vi.advanceTimersByTimeAsync(0);
    expect({ heard, polls: store.polls - asked }).toEqual({ heard: ['tok_a', 'tok_b', 'tok_c'], polls: 2 });
  });

  test('polls are fewer, and still find what a lost hint would have told', async () => {
    const { store, heard, pass } = await aFeed();
    store.hearing?.heard(true);
    await pass(50);
    const asked = store.polls;
    await pass(10_000);
    expect(store.polls - asked).toBe(10);
    store.commitElsewhere(change('tok_a'));
    await pass(1000);
    expect(heard).toEqual(['tok_a']);
  });

  test('no longer: asked at once, and polled as before', async () => {
    const { store, feed, heard, pass } = await aFeed();
    store.hearing?.heard(true);
    await pass(50);
    store.commitElsewhere(change('tok_a'));
    store.hearing?.heard(false);
    await vi.advanceTimersByTimeAsync(0);
    expect({ heard, source: feed.source() }).toEqual({ heard: ['tok_a'], source: 'poll' });
    store.commitElsewhere(change('tok_b'));
    await pass(POLL_MS);
    expect(heard).toEqual(['tok_a', 'tok_b']);
  });

  test('by nobody after stop', async () => {
    const { store, feed } = await aFeed();
    feed.stop();
    expect(store.hearing).toBeUndefined();
  });
});

describe('a store that was set back', () => {
  test.each([
    ['shorter than before', 1],
    ['with other changes under the same numbers', 4],
    ['empty', 0],
  ])('%s: told as missed, and followed from its end', async (_, count) => {
    const { store, feed, heard, errors, pass } = await aFeed();
    store.commitElsewhere(change('tok_lost'));
    await pass(POLL_MS);
    store.restore(...Array.from({ length: count }, (_, index) => change(`tok_other_${index}`)));
    await pass(POLL_MS);
    expect({ heard, position: feed.position() }).toEqual({ heard: ['tok_lost', 'missed'], position: count });
    expect(errors.map(String)).toEqual(['Error: the store was set back: changes that were told are no longer in it']);
    store.commitElsewhere(change('tok_after'));
    await pass(POLL_MS);
    expect(heard).toEqual(['tok_lost', 'missed', 'tok_after']);
    expect(feed.fresh()).toBe(true);
  });
});

describe('a store that was away and answers again', () => {
  test('is told once, after what was missed, to whoever says what it means to him, and as missed to all others', async () => {
    const { store, feed, heard, returns, pass } = await aFeed();
    const others: string[] = [];
    feed.subscribe((told) => others.push(told === 'missed' ? told : told.id));
    store.broken = new Error('away');
    await pass(2000);
    store.commitElsewhere(change('tok_a'));
    expect([returns(), others]).toEqual([0, []]);
    store.broken = undefined;
    await pass(2000);
    expect({ returns: returns(), heard, others }).toEqual({
      returns: 1,
      heard: ['tok_a'],
      others: ['tok_a', 'missed'],
    });
    expect(feed.fresh()).toBe(true);
  });

  test('may be another one also where only its hints broke off', async () => {
    const { store, returns, pass } = await aFeed();
    store.hearing?.heard(true);
    await pass(2000);
    expect(returns()).toBe(0);
    store.hearing?.heard(false);
    await pass(2000);
    store.hearing?.heard(true);
    await pass(2000);
    expect(returns()).toBe(1);
  });

  test('is not known from an answer that was on its way when it was lost', async () => {
    const { store, returns, pass } = await aFeed();
    store.hearing?.heard(true);
    await pass(POLL_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    const poll = store.changes;
    Object.assign(store, { changes: (filter: Parameters<typeof poll>[0]) => promise.then(() => poll(filter)) });
    await pass(1000);
    store.hearing?.heard(false);
    Object.assign(store, { changes: async () => Promise.reject(new Error('away')) });
    resolve();
    await pass(1000);
    expect(returns()).toBe(0);
    // It is lost again while the first poll that will be answered is on its way.
    const second = Promise.withResolvers<void>();
    Object.assign(store, { changes: (filter: Parameters<typeof poll>[0]) => second.promise.then(() => poll(filter)) });
    await pass(POLL_MS);
    store.hearing?.heard(false);
    Object.assign(store, { changes: poll });
    second.resolve();
    await pass(POLL_MS);
    expect(returns()).toBe(2);
  });
});

describe('fresh', () => {
  test('not before the start', () => {
    const store = scriptedStore();
    const feed = createFeed({ store, monotonic: () => 0, boundMs: BOUND_MS, onError: () => {} });
    expect(feed.fresh()).toBe(false);
  });

  test('as long as the store answers; not beyond the bound once it does not; again when it does', async () => {
    const { store, feed, errors, pass } = await aFeed();
    await pass(20_000);
    expect(feed.fresh()).toBe(true);
    expect(feed.lagMs()).toBeLessThanOrEqual(POLL_MS);
    store.broken = new Error('away');
    await pass(BOUND_MS - POLL_MS);
    expect(feed.fresh()).toBe(true);
    await pass(2 * POLL_MS);
    expect(feed.fresh()).toBe(false);
    expect(errors.length).toBeGreaterThan(0);
    store.broken = undefined;
    await pass(POLL_MS);
    expect(feed.fresh()).toBe(true);
  });

  test('with the shortest bound, too: polls are as close as it needs', async () => {
    const store = scriptedStore();
    const time = { now: 0 };
    const feed = createFeed({ store, monotonic: () => time.now, boundMs: 1000, onError: () => {} });
    onTestFinished(() => feed.stop());
    await feed.start();
    store.hearing?.heard(true);
    for (let passed = 0; passed < 10_000; passed += 50) {
      time.now += 50;
      await vi.advanceTimersByTimeAsync(50);
      expect(feed.lagMs()).toBeLessThanOrEqual(300);
    }
  });

  test('not once somebody was told here of what others changed, until it is read, which is at once', async () => {
    const { store, feed, heard } = await aFeed();
    store.commitElsewhere(change('tok_a'));
    store.tellHere(4);
    expect([feed.fresh(), feed.follows()]).toEqual([false, true]);
    // No time passes: only what was promised is awaited.
    await vi.advanceTimersByTimeAsync(0);
    expect([feed.fresh(), heard]).toEqual([true, ['tok_a']]);
    const before = store.polls;
    store.tellHere(4);
    expect([feed.fresh(), store.polls]).toEqual([true, before]);
  });

  test('as of the question: an answer that was long on its way is old news', async () => {
    const { store, feed, time, pass } = await aFeed();
    const poll = store.changes;
    Object.assign(store, {
      changes: async (filter: Parameters<typeof poll>[0]) => {
        time.now += BOUND_MS + 1;
        return poll(filter);
      },
    });
    await pass(POLL_MS);
    expect(feed.fresh()).toBe(false);
  });

  test('not in the first moment after a pause of the process', async () => {
    const { feed, time } = await aFeed();
    time.now += 60_000;
    expect(feed.fresh()).toBe(false);
  });
});

test('after stop nothing is asked any more, and a poll that was under way says nothing', async () => {
  const { store, feed, errors, pass } = await aFeed();
  await pass(POLL_MS);
  feed.stop();
  const asked = store.polls;
  store.broken = new Error('closed');
  await pass(5000);
  expect({ polls: store.polls, errors }).toEqual({ polls: asked, errors: [] });
});

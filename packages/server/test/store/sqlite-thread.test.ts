/** The thread of the embedded store: it folds the log while others write, its death costs nothing, and it leaves with the store. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { digestKeyOf } from '@tessera/verify';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Secret, TokenContext } from '../../src/core/model.ts';
import { OutcomeUnknown, type Store, StoreUnavailable } from '../../src/core/store-port.ts';
import { factsOf } from '../../src/core/tokens/facts.ts';
import { createUsage } from '../../src/core/usage.ts';
import { openStore } from '../../src/store/open.ts';
import type { ThreadTerms } from '../../src/store/sqlite/thread-driver.ts';
import { startChild } from './support/child.ts';
import { aTenant, clock, mint, NOW, seal, times } from './support/fixtures.ts';

const PAGE_BYTES = 4096;
/** Where the log is to be folded, and where a commit would do it by itself. */
const FOLD_PAGES = 4096;
const FLOOR_PAGES = 16_384;

async function opened(thread: ThreadTerms = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-thread-'));
  const file = join(folder, 'test.db');
  const errors: string[] = [];
  const log = {
    error: ({ err }: { readonly err: unknown }, message: string) => errors.push(`${message}: ${String(err)}`),
    warn: () => undefined,
  };
  const store = await openStore({ url: `sqlite:${file}`, dataFolder: '/nonexistent', seal, clock, log, thread });
  const look = new DatabaseSync(file);
  const noop = look.prepare('pragma wal_checkpoint(noop)');
  const close = async (): Promise<void> => {
    if (!look.isOpen) return;
    look.close();
    await store.close();
  };
  onTestFinished(async () => {
    await close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    store,
    folder,
    file,
    errors,
    /** All that is open. */
    close,
    /** Pages of the log, and how many of them are in the file. */
    pages: () => noop.get() as { readonly log: number; readonly checkpointed: number },
  };
}

/** Some 64 pages. What is written already is not written again. */
function grow(store: Pick<Store, 'write'>): Promise<void> {
  return store.write((tx) => tx.setMeta('filler', randomBytes(32 * PAGE_BYTES).toString('hex')));
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5);
}

async function found(store: Store, { digest }: Secret): Promise<TokenContext> {
  const context = await store.find(digestKeyOf(digest));
  if (context === undefined) throw new Error('no such secret');
  return context;
}

function script(name: string): ThreadTerms {
  return { script: new URL(`./support/${name}`, import.meta.url) };
}

describe('the log', () => {
  test('is folded into the file by the thread, again and again, while no commit has to', async () => {
    const { store, file, pages } = await opened();
    for (let round = 0; round < 5; round += 1) {
      while (pages().log < FOLD_PAGES) await grow(store);
      await until(() => pages().checkpointed === pages().log);
      // It begins anew.
      await grow(store);
      expect(pages().log).toBeLessThan(FOLD_PAGES);
    }
    const { size } = await stat(`${file}-wal`);
    expect(size).toBeLessThan(1.1 * FOLD_PAGES * PAGE_BYTES);
  });

  test('is folded under writers that never rest, who are held off for what is left', async () => {
    const { store, pages } = await opened();
    // The thread is there.
    await store.writeAside((tx) => tx.setMeta('a', 'b'));
    let [anew, before, longest] = [0, 0, 0];
    const writers = times(4, async () => {
      while (anew < 3) {
        await grow(store);
        const { log } = pages();
        if (log < before) anew += 1;
        before = log;
        longest = Math.max(longest, log);
      }
    });
    await Promise.all(writers);
    expect(longest).toBeLessThan(FLOOR_PAGES);
  });

  test('that a reader holds does not stop writers, and is folded once the reader lets go', async () => {
    const { store, file, pages } = await opened();
    const reader = new DatabaseSync(file);
    onTestFinished(() => reader.close());
    reader.exec('begin; select count(*) from meta');
    for (const _ of times(150, String)) await grow(store);
    expect(pages().log).toBeGreaterThan(2 * FOLD_PAGES);
    reader.exec('rollback');
    let before = 0;
    do {
      before = pages().log;
      await grow(store);
    } while (pages().log > before);
    expect(pages().log).toBeLessThan(before);
  });
});

describe('a thread that dies', () => {
  test.each([
    ['before', 'nothing was written', undefined],
    ['after', 'all was written', 'kept'],
  ])('%s it committed: %s, and nobody is told the one or the other', async (when, _, kept) => {
    const { store, errors } = await opened(script(`dies-${when}-commit.ts`));
    await expect(store.writeAside((tx) => tx.setMeta('fate', 'kept'))).rejects.toThrow(OutcomeUnknown);
    expect(await store.meta('fate')).toBe(kept);
    expect(errors).toEqual([expect.stringContaining('the thread of the store has died')]);
    // This thread does its work for now.
    await store.writeAside((tx) => tx.setMeta('fate', 'done here'));
    expect(await store.meta('fate')).toBe('done here');
  });

  test.each(['before', 'after'])('%s it committed counts of use: each call is counted once', async (when) => {
    const { store } = await opened(script(`dies-${when}-commit.ts`));
    const tenant = await aTenant(store);
    const [token, secret] = await store.write((tx) => mint(tx, tenant));
    const facts = factsOf(await found(store, secret));
    const failures: unknown[] = [];
    const onError = (error: unknown) => failures.push(error);
    const usage = createUsage({ store: { write: store.writeAside }, now: clock.now, onError });
    for (const allowed of [true, true, false]) usage.count(allowed, facts);
    await usage.flush();
    expect(failures).toEqual([expect.any(OutcomeUnknown)]);
    usage.count(true, facts);
    await usage.stop();
    expect(await store.usage(token.id, 0, 2 * NOW)).toEqual([{ token: token.id, hour: NOW, allowed: 3, denied: 1 }]);
    expect((await store.token(tenant.workspace.id, token.id))?.token.lastUsedAt).toBe(NOW);
  });

  test('does not take along those who wait to write in this one', async () => {
    const { store } = await opened(script('cannot-start.ts'));
    const tenant = await aTenant(store);
    const aside = store.writeAside((tx) => tx.setMeta('a', 'b'));
    const here = store.write((tx) => mint(tx, tenant));
    await expect(aside).rejects.toThrow(StoreUnavailable);
    expect(await here).toHaveLength(2);
  });

  test('or never answers: it is ended, and what it was to do is done here', async () => {
    const { store, errors } = await opened({ ...script('never-answers.ts'), patienceMilliseconds: 50 });
    await expect(store.writeAside((tx) => tx.setMeta('a', 'b'))).rejects.toThrow(StoreUnavailable);
    await store.writeAside((tx) => tx.setMeta('a', 'c'));
    expect({ errors: errors.length, kept: await store.meta('a') }).toEqual({ errors: 1, kept: 'c' });
  });

  test('leaves the log to the commits, which fold it where it would grow for ever', async () => {
    const { store, file, pages } = await opened(script('cannot-start.ts'));
    let before = 0;
    do {
      before = pages().log;
      await grow(store);
    } while (pages().log > before);
    expect(before).toBeGreaterThan(FOLD_PAGES);
    const { size } = await stat(`${file}-wal`);
    expect(size).toBeLessThan(1.1 * FLOOR_PAGES * PAGE_BYTES);
  });
});

describe('the thread', () => {
  test('leaves with the store: neither log nor index is left', async () => {
    const { store, folder, close } = await opened();
    await store.writeAside((tx) => tx.setMeta('a', 'b'));
    await close();
    expect(await readdir(folder)).toEqual(['test.db']);
  });

  test('is not begun before there is need of it', async () => {
    const { store, errors, close } = await opened(script('cannot-start.ts'));
    await aTenant(store);
    await close();
    expect(errors).toEqual([]);
  });

  test('keeps no process that has nothing else to do, but for an answer that is due', async () => {
    const { store, file } = await opened();
    const child = startChild('write-and-leave.ts', [`sqlite:${file}`]);
    onTestFinished(() => child.kill());
    expect(await child.ended()).toEqual({ code: 0, errors: '' });
    expect(await store.meta('left')).toBe('behind');
  });
});

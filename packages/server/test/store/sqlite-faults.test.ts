/** When the file is locked or the engine gives up a transaction: wait a bounded time, then refuse. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CompiledQuery } from 'kysely';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { StoreUnavailable } from '../../src/core/store-port.ts';
import { openStore } from '../../src/store/open.ts';
import { kyselyOver } from '../../src/store/sqlite/dialect.ts';
import { SqliteDriver } from '../../src/store/sqlite/driver.ts';
import { aTenant, clock, mint, seal, times } from './support/fixtures.ts';

async function createFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-sqlite-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'test.db');
}

describe('another writer', () => {
  test('that lets go in time is waited for; reads go on meanwhile', async () => {
    const { store, lock } = await withLock();
    const tenant = await aTenant(store);
    lock.exec('begin immediate');
    const waiting = store.write((tx) => mint(tx, tenant));
    expect((await store.workspace(tenant.workspace.id))?.id).toBe(tenant.workspace.id);
    lock.exec('rollback');
    expect(await waiting).toHaveLength(2);
  });

  test('that does not let go: everybody who waits hears so, and nothing was written', async () => {
    const { store, lock } = await withLock();
    const tenant = await aTenant(store);
    lock.exec('begin immediate');
    const results = await Promise.allSettled(times(200, () => store.write((tx) => mint(tx, tenant))));
    for (const result of results) expect(result).toMatchObject({ reason: expect.any(StoreUnavailable) });
    lock.exec('rollback');
    expect(await store.latestChange()).toBe(0);
    expect(await store.write((tx) => mint(tx, tenant))).toHaveLength(2);
  });

  async function withLock() {
    const file = await createFile();
    const store = await openStore({ url: `sqlite:${file}`, dataFolder: '/nonexistent', seal, clock });
    const lock = new DatabaseSync(file);
    onTestFinished(async () => {
      lock.close();
      await store.close();
    });
    return { store, lock };
  }
});

describe('a unit of work', () => {
  test('that waits for something else than the store is given up, and does not stop the writers for ever', async () => {
    const store = await openStore({ url: `sqlite:${await createFile()}`, dataFolder: '/nonexistent', seal, clock });
    onTestFinished(() => store.close());
    const tenant = await aTenant(store);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const started = Promise.withResolvers<void>();
    const stuck = store.write((tx) => {
      started.resolve();
      return tx.setMeta('stuck', 'written').then(() => new Promise(() => undefined));
    });
    await started.promise;
    vi.advanceTimersByTime(10_000);
    await expect(stuck).rejects.toThrow('a unit of work took more than 10000 ms');
    expect(await store.write((tx) => mint(tx, tenant))).toHaveLength(2);
    expect(await store.meta('stuck')).toBeUndefined();
  });
});

describe('a transaction that SQLite has rolled back', () => {
  test('takes no further statement, which would be committed by itself', async () => {
    const database = new DatabaseSync(await createFile());
    const db = kyselyOver(new SqliteDriver(database));
    onTestFinished(() => db.destroy());
    const run = (sql: string) => db.executeQuery(CompiledQuery.raw(sql));
    await run('create table kept (value text)');
    await run('begin immediate');
    await run("insert into kept values ('first')");
    database.exec('rollback');
    await expect(run("insert into kept values ('second')")).rejects.toThrow('SQLite has rolled back this transaction');
    await expect(run('commit')).rejects.toThrow('SQLite has rolled back this transaction');
    await run('rollback');
    expect((await run('select * from kept')).rows).toEqual([]);
    await run("insert into kept values ('third')");
    expect((await run('select value from kept')).rows).toEqual([expect.objectContaining({ value: 'third' })]);
  });
});

describe('a file', () => {
  test('that is no database is refused, and left as it is', async () => {
    const file = await createFile();
    const content = 'not a database, '.repeat(512);
    await writeFile(file, content);
    await expect(openStore({ url: `sqlite:${file}`, dataFolder: '/nonexistent', seal, clock })).rejects.toThrow(
      'file is not a database',
    );
    expect(await readFile(file, 'utf8')).toBe(content);
  });
});

/** When PostgreSQL is gone, silent, restarted or at odds with itself: an error in bounded time, never a guess, and no restart of ours. */
import { digestKeyOf } from '@tessera/verify';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { OutcomeUnknown, type Store, StoreUnavailable } from '../../src/core/store-port.ts';
import { openStore } from '../../src/store/open.ts';
import { aSecret, aTenant, aToken, clock, mint, seal, times } from './support/fixtures.ts';
import { type Line, startLine } from './support/line.ts';

/** What a read may take at most, and some air for a busy machine; one after the other they would take far longer. */
const READ_MILLISECONDS = 2000 + 3000;
/** As the protocol sends it: the word alone is in other statements too. */
const COMMIT = 'commit\0';
const WRITE_MILLISECONDS = 8000 + 5000;

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.close());

async function opened(url: string): Promise<{ readonly store: Store; readonly warnings: string[] }> {
  const warnings: string[] = [];
  const log = { warn: (_: object, message: string) => warnings.push(message), error: () => undefined };
  const store = await openStore({ url, dataFolder: '/nonexistent', seal, clock, log });
  onTestFinished(() => store.close());
  return { store, warnings };
}

async function throughLine(): Promise<{ readonly store: Store; readonly line: Line }> {
  const line = await startLine(await server.createDatabase());
  const { store } = await opened(line.url);
  onTestFinished(() => line.close());
  return { store, line };
}

async function sql(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}

/** How long until all have failed; throws where one has not. */
async function failureTime(...attempts: readonly Promise<unknown>[]): Promise<number> {
  const start = performance.now();
  const results = await Promise.allSettled(attempts);
  expect(results.filter(({ status }) => status === 'fulfilled')).toEqual([]);
  return performance.now() - start;
}

const readsOf = (store: Store) => [
  store.latestChange(),
  store.workspaces({ limit: 1, before: undefined }),
  Promise.resolve(store.find(digestKeyOf(new Uint8Array(32)))),
  Promise.resolve(store.quotaUsed('key', 'period')),
];

describe('a server', () => {
  test('that is stopped: reads and writes fail at once; once it is back, all goes on', async (context) => {
    if (server.power === undefined) return context.skip('the server is not ours to stop');
    const { store, warnings } = await opened(await server.createDatabase());
    const tenant = await aTenant(store);
    await server.power.off();
    const write = store.write((tx) => mint(tx, tenant));
    await expect(write).rejects.toThrow(StoreUnavailable);
    expect(
      await failureTime(
        ...readsOf(store),
        store.write((tx) => mint(tx, tenant)),
      ),
    ).toBeLessThan(READ_MILLISECONDS);
    expect(warnings).toContain('an idle connection to PostgreSQL was lost');
    await server.power.on();
    const [token] = await store.write((tx) => mint(tx, tenant));
    expect((await store.token(tenant.workspace.id, token.id))?.token).toEqual(token);
  });

  test('that is silent: reads fail within two seconds, however many; writes a little later; then all goes on', async () => {
    const { store, line } = await throughLine();
    const tenant = await aTenant(store);
    line.silent(true);
    const writing = failureTime(...times(200, () => store.write((tx) => mint(tx, tenant))));
    expect(await failureTime(...times(200, () => readsOf(store)).flat())).toBeLessThan(READ_MILLISECONDS);
    expect(await writing).toBeLessThan(WRITE_MILLISECONDS);
    line.silent(false);
    const [token] = await store.write((tx) => mint(tx, tenant));
    expect((await store.token(tenant.workspace.id, token.id))?.token).toEqual(token);
  });

  test('that ends every connection: nobody notices but the log', async () => {
    const url = await server.createDatabase();
    const { store } = await opened(url);
    const tenant = await aTenant(store);
    await Promise.all(readsOf(store));
    await sql(
      url,
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    await expect.poll(() => store.latestChange().catch(String)).toBe(0);
    await expect.poll(() => store.write((tx) => mint(tx, tenant)).then(() => 'minted', String)).toBe('minted');
  });
});

describe('a commit', () => {
  test.each(['before', 'after'] as const)(
    'whose connection is lost %s it reaches the server: the outcome is unknown',
    async (when) => {
      const { store, line } = await throughLine();
      const { workspace, api } = await aTenant(store);
      const token = aToken(workspace.id, api.id);
      line.cutAt(COMMIT, when);
      await expect(store.write((tx) => tx.insertToken(token, aSecret(token.id)))).rejects.toThrow(OutcomeUnknown);
      // A later read tells.
      await expect
        .poll(async () => (await store.token(workspace.id, token.id))?.token.id)
        .toBe(when === 'after' ? token.id : undefined);
      await store.write((tx) => mint(tx, { workspace, api }));
    },
  );

  test('that loses against another transaction is run again, at most three times', async () => {
    const url = await server.createDatabase();
    const { store } = await opened(url);
    await sql(
      url,
      `create sequence tries;
       create function lose() returns trigger language plpgsql as $$ begin
         if new.key = 'contested' and nextval('tries') <= new.value::int then
           raise exception 'lost' using errcode = '40001';
         end if;
         return new;
       end $$;
       create trigger lose before insert on meta for each row execute function lose();`,
    );
    let runs = 0;
    const contest = (losses: number) =>
      store.write(async (tx) => {
        runs += 1;
        await tx.setMeta('contested', `${losses}`);
        return 'won';
      });
    const beside = store.write(async (tx) => tx.setMeta('beside', 'written'));
    expect(await contest(3)).toBe('won');
    await beside;
    expect({ runs, contested: await store.meta('contested'), beside: await store.meta('beside') }).toEqual({
      runs: 4,
      contested: '3',
      beside: 'written',
    });
    runs = 0;
    await expect(contest(1000)).rejects.toThrow('lost');
    expect(runs).toBe(4);
  });

  test('of a transaction that an error had ended is no success', async () => {
    const { store } = await opened(await server.createDatabase());
    const { workspace, api } = await aTenant(store);
    const token = aToken(workspace.id, api.id);
    const careless = store.write(async (tx) => {
      await tx.insertToken(token, aSecret(token.id));
      await tx.insertToken(token, aSecret(token.id)).catch(() => undefined);
    });
    await expect(careless).rejects.toThrow('the transaction had failed and was rolled back');
    expect(await store.token(workspace.id, token.id)).toBeUndefined();
  });
});

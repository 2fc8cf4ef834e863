/** PostgreSQL tells of a commit when it is there; a line that hears nothing is not believed, and is made anew. */
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import type { Store } from '../../src/core/store-port.ts';
import { openStore } from '../../src/store/open.ts';
import { aTenant, clock, mint, seal } from './support/fixtures.ts';
import { startLine } from './support/line.ts';

const AT_MOST = { timeout: 15_000 };

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.close());

interface Listener {
  readonly hints: number[];
  readonly states: boolean[];
  readonly warnings: string[];
}

async function opened(url: string): Promise<{ readonly store: Store; listen(): Listener }> {
  const warnings: string[] = [];
  const log = { warn: (_: object, message: string) => warnings.push(message), error: () => undefined };
  const store = await openStore({ url, dataFolder: '/nonexistent', seal, clock, log });
  onTestFinished(() => store.close());
  return {
    store,
    listen() {
      const hints: number[] = [];
      const states: boolean[] = [];
      const changed = (seq: number) => void hints.push(seq);
      const end = store.listen({ changed, heard: (isHeard) => void states.push(isHeard) });
      onTestFinished(end);
      return { hints, states, warnings };
    },
  };
}

async function sql(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows;
}

const LISTENERS = `select pid from pg_stat_activity where datname = current_database() and application_name = 'tessera feed'`;

test('of what another process committed, with its number, and of nothing that was rolled back', async () => {
  const url = await server.createDatabase();
  const one = await opened(url);
  const two = await opened(url);
  const { hints, states } = two.listen();
  await vi.waitUntil(() => states.length > 0, AT_MOST);
  const tenant = await aTenant(one.store);
  const before = await one.store.latestChange();
  const refused = one.store.write(async (tx) => {
    await mint(tx, tenant);
    throw new Error('refused');
  });
  await expect(refused).rejects.toThrow('refused');
  await one.store.write((tx) => mint(tx, tenant));
  await vi.waitUntil(() => hints.includes(before + 1), AT_MOST);
  expect({ last: hints.at(-1), states }).toEqual({ last: before + 1, states: [true] });
});

test('again, after its connection was ended', async () => {
  const url = await server.createDatabase();
  const { store, listen } = await opened(url);
  const { hints, states, warnings } = listen();
  await vi.waitUntil(() => states.length > 0, AT_MOST);
  await sql(url, `select pg_terminate_backend(pid) from (${LISTENERS}) listeners`);
  await vi.waitUntil(() => states.length === 3, AT_MOST);
  expect(states).toEqual([true, false, true]);
  expect(warnings).toEqual(['PostgreSQL pushes no hints of changes; they are polled for']);
  const tenant = await aTenant(store);
  await store.write((tx) => mint(tx, tenant));
  await vi.waitUntil(() => hints.length > 0, AT_MOST);
});

test('not over a line that fell silent: that is noticed, and told once', async () => {
  const url = await server.createDatabase();
  const line = await startLine(url);
  onTestFinished(() => line.close());
  const { listen } = await opened(line.url);
  const { states, warnings } = listen();
  await vi.waitUntil(() => states.length > 0, AT_MOST);
  line.silent(true);
  await vi.waitUntil(() => states.length === 2, AT_MOST);
  line.silent(false);
  await vi.waitUntil(() => states.length === 3, AT_MOST);
  expect(states).toEqual([true, false, true]);
  expect(warnings.filter((text) => text.includes('polled for'))).toHaveLength(1);
});

test('not any more after its end: the connection is closed', async () => {
  const url = await server.createDatabase();
  const { store } = await opened(url);
  const states: boolean[] = [];
  const end = store.listen({ changed: () => undefined, heard: (isHeard) => void states.push(isHeard) });
  await vi.waitUntil(() => states.length > 0, AT_MOST);
  expect(await sql(url, LISTENERS)).toHaveLength(1);
  end();
  await vi.waitUntil(async () => (await sql(url, LISTENERS)).length === 0, AT_MOST);
  expect(states).toEqual([true]);
});

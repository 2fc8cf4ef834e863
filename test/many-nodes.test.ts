/** Three processes on one PostgreSQL hold what one process holds, with fifty callers at once who do not care which of them they ask. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, caller, insist, newWorkspace, together } from './support/call.ts';
import { follow } from './support/events.ts';
import { metric } from './support/metrics.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import { endServers, newRootToken, type Server, startServer } from './support/server.ts';
import { until } from './support/until.ts';

const NODES = 3;
const CALLERS = 50;
const KEY = '5a'.repeat(32);
const TEST = { timeout: 90_000 };

describe('three processes on one PostgreSQL', () => {
  let postgres: TestPostgres;
  let url: string;
  let servers: readonly Server[];
  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase();
    const rootToken = newRootToken();
    const env = { TESSERA_DATABASE_URL: url, TESSERA_MASTER_KEY: KEY };
    // All at once on an empty database: each would migrate it, and found the platform.
    servers = await Promise.all(Array.from({ length: NODES }, () => startServer({ env, rootToken })));
  }, 120_000);
  afterAll(async () => {
    await endServers();
    await postgres.close();
  });

  /** A workspace, and its administrator as each node's caller. */
  const workspace = async (): Promise<{ readonly at: (index: number) => Caller; readonly all: readonly Caller[] }> => {
    const [first] = servers;
    if (first === undefined) throw new Error('no server');
    const { admin } = await newWorkspace(first);
    const all = servers.map((server) => caller(server, admin.token));
    return { all, at: (index) => all[index % NODES] ?? admin };
  };
  const sql = async (text: string): Promise<readonly Record<string, unknown>[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(text);
    await client.end();
    return rows;
  };

  it('came up as one: each migration was made once, and there is one default workspace', async () => {
    const names = (await sql('select name from kysely_migration')).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(await sql(`select count(*)::int as count from workspaces where name = 'default'`)).toEqual([{ count: 1 }]);
    for (const server of servers) {
      expect((await caller(server, server.rootToken).do('audit.verify')).ok).toBe(true);
      await until(
        () => metric(server, 'tessera_feed_source{source="notify"}'),
        (value) => value === 1,
      );
      expect(await metric(server, 'tessera_feed_lag_seconds')).toBeLessThan(5);
      expect(await metric(server, 'tessera_staleness_bound_seconds')).toBe(5);
    }
  });

  it('tell every change in one order without a gap, whoever writes and whoever is followed', TEST, async () => {
    const { at, all } = await workspace();
    const since = (await at(0).do('changes.list')).items.at(-1)?.seq ?? 0;
    const streams = await Promise.all(servers.map((server, index) => follow(server, at(index).token, { since })));
    const minted = await together(CALLERS, (index) => at(index).mint());
    await together(CALLERS, (index) => at(index + 1).do('tokens.revoke', { id: minted[index]?.id ?? '' }));
    const heard = await Promise.all(
      streams.map(async (stream) => {
        const seqs: number[] = [];
        const ids: string[] = [];
        while (seqs.length < 2 * CALLERS) {
          const event = await stream.next();
          if (event === undefined) throw new Error('the stream ended');
          seqs.push(event.data.seq);
          ids.push(`${event.data.kind} ${event.data.id}`);
        }
        await stream.leave();
        return { seqs, ids };
      }),
    );
    const seqs = heard[0]?.seqs ?? [];
    expect(seqs).toEqual(Array.from({ length: 2 * CALLERS }, (_, index) => (seqs[0] ?? 0) + index));
    for (const one of heard) expect(one).toEqual(heard[0]);
    const expected = minted.flatMap(({ id }) => [`token.created ${id}`, `token.revoked ${id}`]);
    expect(heard[0]?.ids.toSorted()).toEqual(expected.toSorted());
    // Numbers are given in the order of the commits: no row is told after one that came later.
    const rows = await sql('select seq from changes order by seq');
    expect(rows.map(({ seq }) => Number(seq))).toEqual(rows.map((_, index) => index + 1));
    for (const one of all) expect((await one.do('changes.list', { query: { since } })).items).toHaveLength(2 * CALLERS);
  });

  it('apply all that was told, and say so in the store', TEST, async () => {
    const { at } = await workspace();
    await together(NODES, (index) => at(index).mint());
    const [newest] = await sql('select max(seq) as seq from changes');
    const behind = 'select id from nodes where seq < (select max(seq) from changes)';
    await until(
      () => sql(behind),
      (rows) => rows.length === 0,
    );
    const nodes = await sql('select seq from nodes');
    expect(nodes).toEqual(Array(NODES).fill({ seq: newest?.seq }));
  });

  it('answer one Idempotency-Key once', TEST, async () => {
    const { at } = await workspace();
    const asked = { body: { name: 'shared', scopes: [] }, headers: { 'Idempotency-Key': 'all' } };
    const answers = await together(CALLERS, (index) => at(index).ask('tokens.create', asked));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect((await at(1).do('tokens.list', { query: { q: 'shared' } })).items).toHaveLength(1);
  });

  it('rotate one token as often as they are asked, and leave two secrets alive', TEST, async () => {
    const { at } = await workspace();
    const { id, token } = await at(0).mint();
    const answers = await together(CALLERS, (index) =>
      insist((headers) => at(index).ask('tokens.rotate', { id, headers })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(CALLERS).fill(201));
    const secrets = [token, ...answers.map(({ body }) => String(body.token))];
    expect(new Set(secrets).size).toBe(CALLERS + 1);
    for (const index of [0, 1, 2]) {
      const codes = await until(
        () => together(secrets.length, async (which) => (await at(index).verify(secrets[which] ?? '')).code),
        (found) => found.filter((code) => code === 'ok').length === 2,
      );
      expect(codes.filter((code) => code === 'rotated')).toHaveLength(CALLERS - 1);
    }
  });

  it('activate a secret at its first use once, wherever it is used first', TEST, async () => {
    const { at } = await workspace();
    const { id, token: old } = await at(0).mint();
    const body = { activate: 'first-use', graceSeconds: 3600 } as const;
    const { token } = await at(1).do('tokens.rotate', { id, body });
    const found = await together(CALLERS, (index) => at(index).verify(index % 2 === 0 ? token : old));
    expect(found.map(({ code }) => code)).toEqual(Array(CALLERS).fill('ok'));
    await until(
      () => at(2).do('tokens.get', { id }),
      ({ secrets }) => secrets[0]?.state === 'active',
    );
    const { items } = await at(0).do('audit.list', { query: { target: id } });
    expect(items.map(({ action }) => action)).toEqual(['token.create', 'token.rotate', 'token.rotate.activate']);
  });

  it('spend a quota and credits to the last, and not beyond', TEST, async () => {
    const { at } = await workspace();
    for (const [more, left] of [
      [{ quota: { limit: 20, period: 'day' } }, 20],
      [{ credits: { remaining: 20 } }, 20],
    ] as const) {
      const { token, id } = await at(0).mint(more);
      const found = await together(CALLERS, (index) => at(index).verify(token));
      const passed = found.filter(({ code }) => code === 'ok').length;
      expect([passed, found.filter(({ code }) => code === 'quota_exceeded').length]).toEqual([left, CALLERS - left]);
      if ('credits' in more) expect((await at(2).do('tokens.get', { id })).credits?.remaining).toBe(0);
    }
  });

  it('continue one audit chain', TEST, async () => {
    const { at, all } = await workspace();
    const before = (await at(0).do('audit.verify')).records;
    await together(CALLERS, (index) => at(index).mint());
    for (const one of all) expect(await one.do('audit.verify')).toEqual({ ok: true, records: before + CALLERS });
    const { items } = await at(1).do('audit.list', { query: { limit: 100 } });
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, index) => index + 1));
  });
});

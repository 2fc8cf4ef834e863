/**
 * Who changes what is sealed in the database raises an alarm: in the log, in the metrics and in the audit log of the workspace
 * concerned. Nothing is signed with it, least of all with the key of somebody else, and everything else goes on.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caller, newWorkspace, problemOf, type Workspace } from './support/call.ts';
import { metric } from './support/metrics.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import { endServers, newRootToken, type Server, STARTS_MS, startServer, temporaryFolder } from './support/server.ts';
import { until } from './support/until.ts';

const SERIES = 'tessera_custody_alarms_total{table="keys"}';
/** Keys of this algorithm are in no memory until something is signed with them. */
const ALG = 'ES256';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, STARTS_MS);
afterAll(async () => {
  await endServers();
  await postgres.close();
});

interface Rows {
  sealed(id: string): Promise<Uint8Array>;
  seal(id: string, sealed: Uint8Array): Promise<void>;
  move(id: string, workspace: string): Promise<void>;
}

const sqliteRows = (folder: string): Rows => {
  const run = (sql: string, ...values: (string | Uint8Array)[]) => {
    const database = new DatabaseSync(join(folder, 'tessera.db'), { timeout: 10_000 });
    try {
      return database.prepare(sql).get(...values);
    } finally {
      database.close();
    }
  };
  return {
    sealed: async (id) => Uint8Array.from(run('select sealed from keys where id = ?', id)?.sealed as Uint8Array),
    seal: async (id, sealed) => void run('update keys set sealed = ? where id = ?', sealed, id),
    move: async (id, workspace) => void run('update keys set workspace = ? where id = ?', workspace, id),
  };
};

const postgresRows = (url: string): Rows => {
  const run = async (sql: string, values: readonly unknown[]) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<{ sealed: Uint8Array }>(sql, [...values])).rows[0];
    } finally {
      await client.end();
    }
  };
  return {
    sealed: async (id) =>
      Uint8Array.from((await run('select sealed from keys where id = $1', [id]))?.sealed ?? new Uint8Array()),
    seal: async (id, sealed) => void (await run('update keys set sealed = $1 where id = $2', [sealed, id])),
    move: async (id, workspace) => void (await run('update keys set workspace = $1 where id = $2', [workspace, id])),
  };
};

describe.each(['SQLite', 'PostgreSQL'] as const)('%s', (name) => {
  const data = temporaryFolder();
  const rootToken = newRootToken();
  let env: Record<string, string> = {};
  let rows: Rows;
  let server: Server;

  const start = async (): Promise<void> => {
    server = await startServer({ data, rootToken, env });
  };
  beforeAll(async () => {
    const url = name === 'SQLite' ? undefined : await postgres.createDatabase();
    env = url === undefined ? {} : { TESSERA_DATABASE_URL: url };
    rows = url === undefined ? sqliteRows(data) : postgresRows(url);
    await start();
  }, STARTS_MS);

  /** A workspace with a key that has signed nothing yet, and what asks for its signature. */
  async function signing() {
    const workspace = await newWorkspace(server);
    const { admin } = workspace;
    const key = await admin.do('keys.create', { body: { alg: ALG, state: 'active' } });
    const audience = `https://${crypto.randomUUID()}.example.test`;
    await admin.do('apis.create', { body: { audience, scopes: { read: 'read' }, jwt: { alg: ALG } } });
    const body = { name: 'signed', format: 'jwt' as const, api: audience, scopes: ['read'] };
    return { workspace, key: key.id, mint: async () => admin.ask('tokens.create', { body }) };
  }
  type Signing = Awaited<ReturnType<typeof signing>>;

  const alarmsOf = async ({ admin }: Workspace) =>
    (await admin.do('audit.list', { query: { action: 'custody.alarm' } })).items;

  /** Nothing was signed, and everybody who should know does. */
  async function isAlarm({ workspace, key, mint }: Signing, id = key): Promise<void> {
    const before = await metric(server, SERIES);
    expect(problemOf(await mint())).toMatchObject({ status: 503 });
    const [alarm, ...others] = await until(
      () => alarmsOf(workspace),
      (alarms) => alarms.length > 0,
    );
    expect(alarm).toMatchObject({
      action: 'custody.alarm',
      actor: { kind: 'system' },
      target: { type: 'sealed_value', id },
      outcome: 'denied',
      details: { table: 'keys', column: 'sealed' },
    });
    expect(others).toEqual([]);
    expect(await metric(server, SERIES)).toBe(before + 1);
    const said = `the sealed value at keys.sealed of ${id} in ${workspace.id} was changed, or is from elsewhere`;
    await server.printed(new RegExp(`"level":(?:50|"error").*${said}`));
    // It is counted each time, and recorded once an hour.
    expect(problemOf(await mint())).toMatchObject({ status: 503 });
    expect(await metric(server, SERIES)).toBe(before + 2);
    expect(await alarmsOf(workspace)).toHaveLength(1);
  }

  /** Opaque tokens are minted and judged as ever, and another key signs. */
  async function goesOn({ workspace: { admin }, mint }: Signing): Promise<void> {
    const opaque = await admin.do('tokens.create', { body: { name: 'opaque', scopes: [] } });
    expect(await admin.do('verify.one', { body: { token: opaque.token } })).toMatchObject({ valid: true });
    await admin.do('keys.rotate', { body: { alg: ALG } });
    const { status, body } = await mint();
    expect(status).toBe(201);
    expect(await admin.do('verify.one', { body: { token: String(body.token) } })).toMatchObject({ valid: true });
  }

  it('a value with one bit changed is an alarm', async () => {
    const one = await signing();
    const sealed = await rows.sealed(one.key);
    sealed[70] = (sealed[70] ?? 0) ^ 1;
    await rows.seal(one.key, sealed);
    await isAlarm(one);
    await goesOn(one);
  });

  it('a value that was cut is an alarm, also where nothing is left of it', async () => {
    const [one, other] = [await signing(), await signing()];
    await rows.seal(one.key, (await rows.sealed(one.key)).subarray(0, -1));
    await rows.seal(other.key, new Uint8Array(1));
    await isAlarm(one);
    await isAlarm(other);
    await goesOn(one);
  });

  it('values that were exchanged are alarms of both: between keys of one workspace, and between workspaces', async () => {
    const [one, other] = [await signing(), await signing()];
    const { next } = await one.workspace.admin.do('keys.rotate', { body: { alg: 'EdDSA' } });
    const [mine, second, theirs] = [
      await rows.sealed(one.key),
      await rows.sealed(next.id),
      await rows.sealed(other.key),
    ];
    await rows.seal(one.key, second);
    await isAlarm(one);
    await rows.seal(one.key, theirs);
    expect(problemOf(await one.mint())).toMatchObject({ status: 503 });
    await rows.seal(other.key, mine);
    await isAlarm(other);
    await goesOn(other);
    // What is put back opens again.
    await rows.seal(one.key, mine);
    expect((await one.mint()).status).toBe(201);
  });

  it('a key that is moved to another workspace signs nothing there, also where it was in memory', async () => {
    const [one, other] = [await signing(), await signing()];
    expect((await one.mint()).status).toBe(201);
    await other.workspace.admin.do('keys.retire', { id: other.key });
    await rows.move(one.key, other.workspace.id);
    await isAlarm(other, one.key);
    expect(await alarmsOf(one.workspace)).toEqual([]);
  });

  it(
    'a server whose own signing key was changed starts, says so, and signs as soon as there is another one',
    async () => {
      const root = () => caller(server, server.rootToken);
      const { items } = await root().do('keys.list');
      const key = items.find(({ alg, state }) => alg === 'EdDSA' && state === 'active');
      await server.stop();
      await rows.seal(key?.id ?? '', (await rows.sealed(key?.id ?? '')).subarray(0, 40));
      await start();
      await server.printed(/the keys that sign cannot be read/);
      const alarms = await until(
        async () => (await root().do('audit.list', { query: { action: 'custody.alarm' } })).items,
        (found) => found.length > 0,
      );
      expect(alarms).toMatchObject([{ target: { id: key?.id } }]);
      expect(await metric(server, SERIES)).toBeGreaterThanOrEqual(1);
      await root().do('keys.rotate', { body: { alg: 'EdDSA' } });
      expect((await signing().then(({ mint }) => mint())).status).toBe(201);
      expect(await root().do('audit.verify')).toMatchObject({ ok: true });
    },
    STARTS_MS,
  );
});

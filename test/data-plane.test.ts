/** A node that only judges: no management, no hand on the database's schema, and within the bound no need of the database at all. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, call, caller, problemOf } from './support/call.ts';
import { metric } from './support/metrics.ts';
import { bearer, post } from './support/oauth.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import { endServers, newRootToken, runToEnd, type Server, startServer, temporaryFolder } from './support/server.ts';
import { until } from './support/until.ts';

const KEY = '5a'.repeat(32);
const BOUND_MS = 2000;
/** A busy machine: without a bound of its own a question would wait for ever. */
const AIR_MS = 10_000;
const MISSES = 'tessera_verify_cache_requests_total{outcome="miss"}';
const TEST = { timeout: 90_000 };

let postgres: TestPostgres;
let url: string;
let env: Readonly<Record<string, string>>;
const rootToken = newRootToken();

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.createDatabase();
  env = { TESSERA_DATABASE_URL: url, TESSERA_MASTER_KEY: KEY, TESSERA_STALENESS_SECONDS: `${BOUND_MS / 1000}` };
});
afterAll(async () => {
  await endServers();
  await postgres.close();
});

const asDataPlane = (): Readonly<Record<string, string>> => ({ ...env, TESSERA_ROLE: 'data-plane' });

async function sql(text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(text);
  await client.end();
  return rows;
}

/** Of a start that is refused: it ends by itself. */
function refusedStart(more: Readonly<Record<string, string>>): ReturnType<typeof runToEnd> {
  const listeners = { TESSERA_PORT: '0', TESSERA_GATEWAY_PORT: '0', TESSERA_DATA: temporaryFolder() };
  return runToEnd(['start'], { ...listeners, ...asDataPlane(), ...more });
}

const checksOf = ({ body }: Answer) => body.checks as { readonly store: string; readonly feed: string };

describe('a data plane', () => {
  let management: Server;
  let plane: Server;

  beforeAll(async () => {
    const starting = startServer({ env: asDataPlane(), rootToken });
    await until(
      () => sql(`select 1 from pg_stat_activity where application_name = 'tessera'`),
      (rows) => rows.length > 0,
      30_000,
    );
    expect(await sql(`select tablename from pg_tables where schemaname = 'public'`)).toEqual([]);
    [management, plane] = await Promise.all([startServer({ env, rootToken }), starting]);
  }, 90_000);

  it('waits on an empty database until a node with role all has prepared it', async () => {
    await plane.printed(/waiting for a node with role all to prepare the database/);
    await plane.printed(/verify; a data plane has no management API/);
    expect(plane.stdout()).not.toContain('Administrator token');
  });

  it('judges at each of its doors, and manages nothing', TEST, async () => {
    const { token } = await caller(management, rootToken).mint();
    const here = caller(plane, rootToken);
    expect((await here.verify(token)).code).toBe('ok');
    const batch = await here.ask('verify.batch', { body: { items: [{ token }] } });
    expect([batch.status, (batch.body.items as { code: string }[])[0]?.code]).toEqual([200, 'ok']);
    expect((await call(plane, 'GET /forward-auth', { token })).status).toBe(200);
    expect((await fetch(`${plane.gateway}/echo`, { headers: { Authorization: `Bearer ${token}` } })).status).toBe(200);
    expect((await here.ask('changes.list')).status).toBe(200);
    expect((await post(plane, '/oauth/introspect', { token }, bearer(rootToken))).body.active).toBe(true);
    for (const path of ['/oauth/revoke', '/oauth/token']) expect((await post(plane, path, { token })).status).toBe(404);
    const detail = 'this node is a data plane: it has no management API';
    for (const name of ['tokens.create', 'tokens.list', 'workspaces.list', 'audit.list'] as const) {
      const answer = await here.ask(name, name === 'tokens.create' ? { body: { name: 'x', scopes: [] } } : {});
      expect(problemOf(answer)).toMatchObject({ status: 404, code: 'not_found', detail });
    }
  });

  it('is refused where it does not belong: another key, no key, a newer schema, a file', TEST, async () => {
    const wrongKey = await refusedStart({ TESSERA_MASTER_KEY: 'a5'.repeat(32) });
    expect(wrongKey).toMatchObject({ code: 8, stdout: '' });
    expect(wrongKey.stderr).toContain('the master key is not the one this store was made with');

    const withoutKey = { TESSERA_DATABASE_URL: url, TESSERA_ROLE: 'data-plane' };
    const folder = temporaryFolder();
    const noKey = await runToEnd(['start'], {
      TESSERA_PORT: '0',
      TESSERA_GATEWAY_PORT: '0',
      TESSERA_DATA: folder,
      ...withoutKey,
    });
    expect(noKey.code).toBe(8);
    expect(noKey.stderr).toMatch(/master\.key is missing: a data plane needs the master key of its platform\n$/);

    const file = await refusedStart({ TESSERA_DATABASE_URL: 'sqlite:tessera.db' });
    expect(file.code).toBe(2);
    expect(file.stderr).toContain('cannot be data-plane without a database that nodes share');

    await sql(`insert into kysely_migration values ('9999-later', '2027-01-01T00:00:00.000Z')`);
    const newer =
      'the database was brought up by a newer version of Tessera (9999-later): start that version or a later one';
    try {
      for (const TESSERA_ROLE of ['data-plane', 'all']) {
        const refused = await refusedStart({ TESSERA_ROLE });
        expect([refused.code, refused.stderr]).toEqual([8, `tessera cannot start: ${newer}\n`]);
      }
    } finally {
      await sql(`delete from kysely_migration where name = '9999-later'`);
    }
  });

  describe.each(['stopped', 'frozen', 'killed'] as const)('while the database is %s', (how) => {
    it(
      'judges what it knows within the bound, refuses the rest, says what is the matter, and recovers by itself',
      TEST,
      async (context) => {
        const { power } = postgres;
        if (power === undefined) return context.skip('the server is not ours to stop');
        const root = caller(management, rootToken);
        const here = caller(plane, rootToken);
        const known = await root.mint();
        const unknown = await root.mint();
        const ended = await root.mint();
        await root.do('tokens.revoke', { id: ended.id });
        const judge = (token: string): Promise<Answer> => here.ask('verify.one', { body: { token } });
        const pass = async (token: string): Promise<number> =>
          (await fetch(`${plane.gateway}/echo`, { headers: { Authorization: `Bearer ${token}` } })).status;
        expect((await judge(ended.token)).body.code).toBe('revoked');
        // Facts that were read while something changed are not kept: it is known once nothing is read for it any more.
        await until(
          async () => {
            const before = await metric(plane, MISSES);
            expect((await judge(known.token)).body.code).toBe('ok');
            return (await metric(plane, MISSES)) - before;
          },
          (misses) => misses === 0,
        );
        expect((await call(plane, 'GET /readyz')).status).toBe(200);

        const going = { stopped: power.off, frozen: power.freeze, killed: power.kill }[how]();
        // Told to end, it lets go of everybody at once, and may take longer than the bound for the rest.
        if (how !== 'stopped') await going;
        expect((await judge(known.token)).body.code).toBe('ok');
        expect(await pass(known.token)).toBe(200);
        await going;
        const away = performance.now();
        const asked = performance.now();
        expect((await judge(unknown.token)).body.code).toBe('fault');
        // One second for a connection, one for the statement.
        expect(performance.now() - asked).toBeLessThan(2000 + AIR_MS);

        const lastAllowed = { at: 0 };
        await until(
          async () => {
            const at = performance.now();
            const answer = await judge(known.token);
            if (answer.body.code === 'ok') lastAllowed.at = at;
            return answer;
          },
          ({ status }) => status === 503,
          BOUND_MS + 4000 + AIR_MS,
        );
        // Asked for later than so, it was judged later than so: a busy machine changes nothing about it.
        expect(lastAllowed.at - away).toBeLessThan(BOUND_MS + 50);
        const unready = await call(plane, 'GET /readyz');
        expect({ status: unready.status, ...checksOf(unready) }).toMatchObject({
          status: 503,
          store: 'failing',
          feed: 'failing',
        });
        expect((await call(plane, 'GET /healthz')).status).toBe(200);
        expect((await call(plane, 'GET /forward-auth', { token: known.token })).status).toBe(503);
        expect(await Promise.all([known, unknown, ended].map(({ token }) => pass(token)))).toEqual([503, 503, 503]);

        await (how === 'frozen' ? power.thaw() : power.on());
        await until(
          () => judge(known.token),
          ({ status, body }) => status === 200 && body.code === 'ok',
          20_000,
        );
        await until(
          () => call(plane, 'GET /readyz'),
          ({ status }) => status === 200,
          20_000,
        );
        expect((await judge(unknown.token)).body.code).toBe('ok');
        expect((await judge(ended.token)).body.code).toBe('revoked');
        expect([await pass(known.token), await pass(ended.token)]).toEqual([200, 401]);
        // Hints are heard again, too.
        await until(
          () => call(plane, 'GET /metrics'),
          ({ text }) => text.includes('tessera_feed_source{source="notify"} 1'),
          20_000,
        );
      },
    );
  });
});

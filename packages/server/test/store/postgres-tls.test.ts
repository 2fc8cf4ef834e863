/** PostgreSQL over TLS: every connection is in TLS, and to nobody but the server that the URL names. */
import { chmodSync, chownSync, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { certificates, type Pair } from '../../../../test/support/certificates.ts';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { endServers, runToEnd, STARTS_MS, temporaryFolder } from '../../../../test/support/server.ts';
import { until } from '../../../../test/support/until.ts';
import type { Store } from '../../src/core/store-port.ts';
import { openStore } from '../../src/store/open.ts';
import { clock, seal } from './support/fixtures.ts';

// A server that is given from outside keeps its own certificate.
describe.skipIf(process.env.TEST_DATABASE_URL !== undefined)('PostgreSQL over TLS', () => {
  const authority = certificates();
  const stranger = certificates();
  const HERE = ['localhost', '127.0.0.1'];
  const own = authority.server(HERE);
  const TRUSTING = `sslmode=verify-full&sslrootcert=${authority.certificate}`;
  let server: TestPostgres;
  let url: string;
  let admin: pg.Client;
  let folder: string;
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase();
    admin = new pg.Client({ connectionString: url });
    await admin.connect();
    folder = String(await asked(admin, 'show data_directory'));
    place(authority.certificate, 'ca.pem');
    await admin.query(`alter system set ssl_ca_file = 'ca.pem'`);
    await serve(own);
  }, STARTS_MS);
  afterAll(async () => {
    await endServers();
    await admin.end();
    await server.close();
    authority.remove();
    stranger.remove();
  });

  /** Where the server reads it, and as its own. */
  function place(file: string, name: string): void {
    const { uid, gid } = statSync(folder);
    copyFileSync(file, join(folder, name));
    chownSync(join(folder, name), uid, gid);
    chmodSync(join(folder, name), 0o600);
  }

  let served = 0;
  /** Resolves when each new connection is shown this one; undefined: when it is offered no TLS. */
  async function serve(pair: Pair | undefined): Promise<void> {
    served += 1;
    const name = `${served}.crt`;
    place((pair ?? own).certificate, name);
    place((pair ?? own).key, `${served}.key`);
    await admin.query(`alter system set ssl_cert_file = '${name}'`);
    await admin.query(`alter system set ssl_key_file = '${served}.key'`);
    await admin.query(`alter system set ssl = ${pair === undefined ? 'off' : 'on'}`);
    await admin.query('select pg_reload_conf()');
    await until(
      () => askedAnew(url, 'show ssl_cert_file'),
      (found) => found === name,
    );
  }

  /** A URL with this said of TLS. */
  const saying = (query: string, host = '127.0.0.1'): string => `${url.replace('127.0.0.1', host)}?${query}`;

  async function opened(at: string): Promise<Store> {
    const log = { warn: () => undefined, error: () => undefined };
    const store = await openStore({ url: at, dataFolder: '/nonexistent', seal, clock, log });
    onTestFinished(() => store.close());
    return store;
  }

  /** Whether each connection of ours is in TLS, by what it is called. */
  async function connections(): Promise<readonly string[]> {
    const { rows } = await admin.query<{ name: string; ssl: boolean }>(
      `select distinct application_name as name, ssl from pg_stat_ssl join pg_stat_activity using (pid)
       where application_name like 'tessera%' order by 1, 2`,
    );
    return rows.map(({ name, ssl }) => `${name}: ${ssl ? 'TLS' : 'clear'}`);
  }

  test.each(HERE)('each connection is in TLS, to %s: those that read, that write and that listen', async (host) => {
    const store = await opened(saying(TRUSTING, host));
    await store.write(async (tx) => tx.setMeta('key', host));
    expect(await store.meta('key')).toBe(host);
    const heard = Promise.withResolvers<void>();
    const stop = store.listen({ changed: () => undefined, heard: (isHeard) => isHeard && heard.resolve() });
    onTestFinished(stop);
    await heard.promise;
    // One that was idle may have been closed meanwhile.
    await store.meta('key');
    expect(await connections()).toEqual(['tessera: TLS', 'tessera feed: TLS']);
  });

  test('without a word of TLS it is in clear', async () => {
    const store = await opened(url);
    expect(await store.meta('nothing')).toBeUndefined();
    expect(await connections()).toContain('tessera: clear');
  });

  const STRANGE =
    'databaseUrl: the certificate of PostgreSQL is from no authority that is trusted here; sslrootcert names another (';
  const OTHER_HOST = 'databaseUrl: the certificate of PostgreSQL is not for the host that the URL names (';
  test.each<[string, Pair, string, string]>([
    ['from an authority that nobody named', own, 'sslmode=verify-full', STRANGE],
    [
      'from another authority of the same name',
      own,
      `sslmode=verify-full&sslrootcert=${stranger.certificate}`,
      STRANGE,
    ],
    ['that it signed itself', authority.server(HERE, { selfSigned: true }), TRUSTING, STRANGE],
    ['for another host', authority.server(['db.example.test']), TRUSTING, OTHER_HOST],
  ])('a certificate %s is refused', async (_which, pair, query, message) => {
    await serve(pair);
    onTestFinished(() => serve(own));
    const error = await opened(saying(query)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'StartRefused' });
    expect(String((error as Error).message).slice(0, message.length)).toBe(message);
  });

  test('a server without TLS is refused, and asked nothing in clear', async () => {
    await serve(undefined);
    onTestFinished(() => serve(own));
    await expect(opened(saying(TRUSTING))).rejects.toMatchObject({
      name: 'StartRefused',
      message: 'databaseUrl: PostgreSQL speaks no TLS there, and sslmode asks for it',
    });
    await until(connections, (found) => found.length === 0);
  });

  test('whoever takes its place while nodes run is asked nothing, until it is back', async () => {
    const store = await opened(saying(TRUSTING));
    await serve(stranger.server(HERE));
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tessera%'`);
    await until(
      () => store.meta('key').catch(String),
      (found) => /certificate/.test(found ?? ''),
    );
    await until(connections, (found) => found.length === 0);
    await serve(own);
    await until(
      () => store.meta('nothing').then(String, () => 'away'),
      (found) => found === 'undefined',
    );
  });

  test('a server that asks who calls is shown a certificate', async () => {
    const rules = join(folder, 'pg_hba.conf');
    const before = readFileSync(rules, 'utf8');
    const { pathname } = new URL(url);
    const name = pathname.slice(1);
    const user = 'asks_for_certificates';
    await admin.query(`create role ${user} login superuser password 'postgres'`);
    writeFileSync(rules, `hostssl ${name} ${user} 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n${before}`);
    await admin.query('select pg_reload_conf()');
    onTestFinished(async () => {
      writeFileSync(rules, before);
      await admin.query('select pg_reload_conf()');
    });
    const at = saying(TRUSTING).replace('postgres:postgres@', `${user}:postgres@`);
    const shown = authority.client('tessera');
    // The rules are read some moments later.
    const refused = await until(
      () => opened(at).then(String, String),
      (found) => /certificate/.test(found),
    );
    expect(refused).toContain('connection requires a valid client certificate');
    const store = await opened(`${at}&sslcert=${shown.certificate}&sslkey=${shown.key}`);
    expect(await store.meta('nothing')).toBeUndefined();
  });

  test('sslmode=require proves it like verify-full, and sslmode=no-verify says that it does not', {
    timeout: STARTS_MS,
  }, async () => {
    const start = (query: string) =>
      runToEnd(['start'], {
        TESSERA_DATA: temporaryFolder(),
        TESSERA_PORT: '0',
        TESSERA_GATEWAY_PORT: '0',
        TESSERA_DATABASE_URL: saying(query),
      });
    const refused = await start('sslmode=require');
    expect([refused.code, refused.stdout]).toEqual([8, '']);
    expect(refused.stderr).toMatch(
      /^tessera cannot start: databaseUrl: the certificate of PostgreSQL is from no authority/,
    );
    // One line: no stack, and no advice of the driver.
    expect(refused.stderr.trim().split('\n')).toHaveLength(1);
    const absent = await start('sslmode=verify-full&sslrootcert=/nowhere/ca.pem');
    expect([absent.code, absent.stderr]).toEqual([
      8,
      "tessera cannot start: ENOENT: no such file or directory, open '/nowhere/ca.pem'\n",
    ]);
    const env = { TESSERA_DATABASE_URL: saying('sslmode=no-verify') };
    const unproved = await runToEnd(['config', 'check'], env);
    expect([unproved.code, unproved.stderr.split('\n', 1)]).toEqual([
      0,
      [
        'warning: TESSERA_DATABASE_URL: says sslmode=no-verify: anyone on the way to the database can read and change what passes',
      ],
    ]);
  });
});

async function asked(client: pg.Client, text: string): Promise<unknown> {
  const { rows } = await client.query<Record<string, unknown>>(text);
  return Object.values(rows[0] ?? {})[0];
}

/** By a connection of its own, in clear. */
async function askedAnew(url: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await asked(client, text);
  } finally {
    await client.end();
  }
}

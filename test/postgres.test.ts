/** The same promises on PostgreSQL, with two processes on it, and while it is away. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guardedOperations } from './suites/guarded-operations.ts';
import { idempotency } from './suites/idempotency.ts';
import { rotation } from './suites/rotation.ts';
import { tokenLifecycle } from './suites/token-lifecycle.ts';
import { twoProcesses } from './suites/two-processes.ts';
import { verifierReports } from './suites/verifier-reports.ts';
import { type Answer, call, caller, problemOf } from './support/call.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import { endServers, newRootToken, type Server, startServer } from './support/server.ts';
import { until } from './support/until.ts';

const KEY = '5a'.repeat(32);

describe('on PostgreSQL', () => {
  let postgres: TestPostgres;
  let servers: readonly [Server, Server];
  let url: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    url = await postgres.createDatabase();
    // One root token and one master key: they are one platform. They start at once, on an empty database.
    const rootToken = newRootToken();
    const env = { TESSERA_DATABASE_URL: url, TESSERA_MASTER_KEY: KEY };
    servers = await Promise.all([startServer({ env, rootToken }), startServer({ env, rootToken })]);
  });
  afterAll(async () => {
    await endServers();
    await postgres.close();
  });
  const first = (): Server => servers[0];

  describe('every operation is guarded', () => guardedOperations(first));
  describe('token lifecycle', () => tokenLifecycle(first));
  describe('rotation', () => rotation(first));
  describe('idempotency', () => idempotency(first));
  describe('two processes', () => twoProcesses(() => servers));
  describe('verifiers in other processes', () => verifierReports(() => servers));

  describe('that is away', () => {
    it('denies within two seconds, never allows, and recovers without a restart', {
      timeout: 120_000,
    }, async (context) => {
      const { power } = postgres;
      if (power === undefined) return context.skip('the server is not ours to stop');
      const [server] = servers;
      const root = caller(server, server.rootToken);
      const { token, id } = await root.mint();
      const other = await root.mint();
      await root.do('tokens.revoke', { id: other.id });
      expect((await root.verify(token)).code).toBe('ok');

      await power.off();
      const timed = async (ask: () => Promise<Answer>): Promise<[Answer, number]> => {
        const start = performance.now();
        return [await ask(), performance.now() - start];
      };
      const [refused, ms] = await timed(() => root.ask('tokens.create', { body: { name: 'x', scopes: [] } }));
      expect(problemOf(refused)).toMatchObject({ status: 503, code: 'unavailable', title: 'The store cannot answer' });
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(ms).toBeLessThan(2000);
      const [unready] = await timed(() => call(server, 'GET /readyz'));
      expect([unready.status, (unready.body.checks as { store: string }).store]).toEqual([503, 'failing']);
      expect((await call(server, 'GET /healthz')).status).toBe(200);
      // Verdicts from memory hold for the staleness bound, and then there are none.
      const denied = await until(
        () => root.ask('verify.one', { body: { token } }),
        (answer) => {
          if (answer.status === 200) expect(['ok', 'fault']).toContain(answer.body.code);
          return answer.status === 503;
        },
        20_000,
      );
      expect(problemOf(denied)).toMatchObject({ status: 503, code: 'fault' });
      const [slow, late] = await timed(() => root.ask('verify.one', { body: { token: other.token } }));
      expect(slow.status).toBe(503);
      expect(late).toBeLessThan(2000);

      await power.on();
      await until(
        () => call(server, 'GET /readyz'),
        ({ status }) => status === 200,
        30_000,
      );
      await until(
        () => root.ask('verify.one', { body: { token } }),
        ({ status, body }) => status === 200 && body.code === 'ok',
        30_000,
      );
      expect((await root.verify(other.token)).code).toBe('revoked');
      expect((await root.do('tokens.revoke', { id })).status).toBe('revoked');
      expect((await root.do('audit.verify')).ok).toBe(true);
    });
  });
});

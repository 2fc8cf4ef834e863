/** A node that was paused across a revocation does not allow when it goes on, not even before it has looked at its timers; and counts until then as one that has not heard of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caller, newWorkspace, together } from './support/call.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import { endServers, newRootToken, type Server, startServer } from './support/server.ts';
import { until } from './support/until.ts';

const BOUND_SECONDS = 1;
const CALLERS = 50;
const ROUNDS = 3;

describe('a node that is paused', () => {
  let postgres: TestPostgres;
  let servers: readonly [Server, Server];
  beforeAll(async () => {
    postgres = await startPostgres();
    const rootToken = newRootToken();
    const env = {
      TESSERA_DATABASE_URL: await postgres.createDatabase(),
      TESSERA_MASTER_KEY: '5a'.repeat(32),
      TESSERA_STALENESS_SECONDS: `${BOUND_SECONDS}`,
    };
    servers = await Promise.all([startServer({ env, rootToken }), startServer({ env, rootToken })]);
  }, 120_000);
  afterAll(async () => {
    await endServers();
    await postgres.close();
  });

  it('across a revocation, for longer than the bound: refuses in its first answers', { timeout: 90_000 }, async () => {
    const [here, paused] = servers;
    const { admin } = await newWorkspace(here);
    const there = caller(paused, admin.token);
    for (let round = 0; round < ROUNDS; round += 1) {
      const { id, token } = await admin.mint();
      // Connections that are open, so that what is sent during the pause is the first that the node reads.
      // Where the machine is so busy that the news are older than the bound, it takes a moment until all are allowed.
      await until(
        () => together(CALLERS, async () => (await there.ask('verify.one', { body: { token } })).body.code),
        (codes) => codes.every((code) => code === 'ok'),
      );
      paused.signal('SIGSTOP');
      await admin.do('tokens.revoke', { id });
      const { latest } = await admin.do('changes.list');
      const confirmed = async () => (await admin.do('changes.confirmations', { id: `${latest}` })).nodes;
      await until(confirmed, (nodes) => nodes.confirmed === 1);
      expect(await confirmed()).toEqual({ confirmed: 1, total: 2 });
      await delay(BOUND_SECONDS * 1000 + 100);
      const asked = together(CALLERS, () => there.ask('verify.one', { body: { token } }));
      // Their bytes are in the node's hands: nothing that it does first can make it late for them.
      await delay(200);
      paused.signal('SIGCONT');
      const codes = (await asked).map(({ body }) => body.code);
      expect(codes.filter((code) => code !== 'revoked' && code !== 'fault')).toEqual([]);
      expect(await until(confirmed, (nodes) => nodes.confirmed === 2)).toEqual({ confirmed: 2, total: 2 });
    }
  });
});

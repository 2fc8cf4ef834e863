/** What one process was told holds in another on the same store within a second, whatever that one had in memory. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { twoProcesses } from './suites/two-processes.ts';
import { verifierReports } from './suites/verifier-reports.ts';
import { caller } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';

describe('two processes on one SQLite file', () => {
  let servers: readonly [Server, Server];
  beforeAll(async () => {
    const first = await startServer();
    const second = await startServer({ data: first.data, rootToken: first.rootToken });
    servers = [first, second];
  });
  afterAll(endServers);
  twoProcesses(() => servers);
  describe('verifiers in other processes', () => verifierReports(() => servers));

  it('a third one with two threads counts as both while it runs, and as none when it was stopped', {
    timeout: STARTS_MS,
  }, async () => {
    const [first] = servers;
    const admin = caller(first, first.rootToken);
    const { latest } = await admin.do('changes.list');
    const nodes = async () => (await admin.do('changes.confirmations', { id: String(latest) })).nodes;
    const env = { TESSERA_WORKERS: '2' };
    const third = await startServer({ data: first.data, rootToken: first.rootToken, env });
    await until(nodes, ({ total, confirmed }) => total === 4 && confirmed === 4);
    expect(await third.stop()).toEqual({ code: 0, signal: null });
    expect(await nodes()).toEqual({ confirmed: 2, total: 2 });
  });

  it('come up at the same moment on an empty folder, as one', { timeout: STARTS_MS }, async () => {
    const [first] = servers;
    const data = join(first.data, 'empty');
    const { rootToken } = first;
    const both = await Promise.all([startServer({ data, rootToken }), startServer({ data, rootToken })]);
    const found = both.map((server) => caller(server, rootToken).do('workspaces.list'));
    const [one, two] = await Promise.all(found);
    expect(one?.items).toHaveLength(1);
    expect(two).toEqual(one);
  });
});

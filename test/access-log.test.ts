/** Every call through the gateway leaves one line that ties the request to its token, its route and its outcome. */
import { afterAll, expect, test } from 'vitest';
import { caller } from './support/call.ts';
import { endServers, startServer } from './support/server.ts';

afterAll(endServers);

test('a call and a refused one are told with request id, method, path, address, status, verdict and token', async () => {
  const server = await startServer();
  const { id, token } = await caller(server, server.rootToken).mint({ name: 'logged', scopes: [] });
  const headers = { Authorization: `Bearer ${token}`, 'X-Request-Id': 'req-1' };
  expect((await fetch(`${server.gateway}/echo/a?secret=1`, { headers })).status).toBe(200);
  expect((await fetch(`${server.gateway}/echo/b`, { headers: { 'X-Request-Id': 'req-2' } })).status).toBe(401);
  await server.stop();
  const lines = server
    .stderr()
    .split('\n')
    .filter((line) => line.includes('"msg":"call"'));
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const common = { level: 'info', door: 'gateway', route: 'sample', method: 'GET', address: '127.0.0.1' };
  expect(told).toEqual([
    expect.objectContaining({ ...common, requestId: 'req-1', path: '/echo/a', status: 200, verdict: 'ok', token: id }),
    expect.objectContaining({ ...common, requestId: 'req-2', path: '/echo/b', status: 401, verdict: 'missing' }),
  ]);
  expect(lines.join('\n')).not.toContain(token);
});

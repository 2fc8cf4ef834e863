/** examples/in-process: each starts with its command, lets a good token in, and refuses it once it is revoked at the server. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, caller } from './support/call.ts';
import { exampleText } from './support/program.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';

const root = resolve(import.meta.dirname, '..');
const AUDIENCE = 'https://orders.example.test';
const EXAMPLES = ['node', 'express', 'fastify', 'hono', 'fetch'];

let server: Server;
let admin: Caller;
let verifyToken: string;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  server = await startServer();
  admin = caller(server, server.rootToken);
  const scopes = { 'orders:read': 'See orders', 'orders:write': 'Change orders' };
  await admin.do('apis.create', { body: { name: 'Orders', audience: AUDIENCE, prefix: 'ord', scopes } });
  verifyToken = (await admin.mint({ api: 'tessera', name: 'orders-service', scopes: ['verify'] })).token;
}, STARTS_MS);
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await endServers();
});

describe.each(EXAMPLES)('%s', (name) => {
  it('lets in whom it should, and nobody after the token was revoked', { timeout: STARTS_MS }, async () => {
    const service = await start(name);
    const good = await admin.mint({ api: AUDIENCE, scopes: ['orders:read'] });
    const narrow = await admin.mint({ api: AUDIENCE, scopes: ['orders:write'] });
    const elsewhere = await admin.mint({ scopes: ['orders:read'] });

    expect(await service.get(good.token)).toEqual([200, { orders: [], caller: good.id }]);
    expect(await service.get()).toMatchObject([401, { code: 'missing' }]);
    expect(await service.get(narrow.token)).toMatchObject([403, { code: 'insufficient_scope' }]);
    expect(await service.get(elsewhere.token)).toMatchObject([401, { code: 'invalid_token' }]);

    await admin.do('tokens.revoke', { id: good.id });
    const afterwards = await until(
      () => service.get(good.token),
      ([status]) => status !== 200,
    );
    expect(afterwards).toMatchObject([401, { code: 'invalid_token' }]);
    expect(await service.stop()).toEqual([0, null]);
  });
});

it('the page names all of them, and says how they start', () => {
  const page = exampleText('in-process/README.md');
  for (const name of EXAMPLES) expect(page).toContain(`(${name}.ts)`);
  expect(page).toContain('node examples/in-process/express.ts');
});

/** With the command that the example names, on a free port. */
async function start(name: string) {
  const [, file = ''] = /`node (\S+\.ts)`/.exec(exampleText(`in-process/${name}.ts`)) ?? [];
  const child = spawn(process.execPath, [join(root, file)], {
    env: { PATH: process.env.PATH, TESSERA_URL: server.url, TESSERA_VERIFY_TOKEN: verifyToken, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  const ended = once(child, 'exit').finally(() => running.delete(child));
  const port = await new Promise<string>((found, failed) => {
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      const [, number] = /listening .*port: ([0-9]+)/s.exec(printed) ?? [];
      if (number !== undefined) found(number);
    });
    ended.then(() => failed(new Error(`${name} ended: ${printed}`)), failed);
  });
  const ask = async (token?: string): Promise<[number, unknown]> => {
    const headers = { Connection: 'close', ...(token !== undefined && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(`http://127.0.0.1:${port}/orders`, { headers });
    return [answer.status, await answer.json()];
  };
  return {
    /** A service that could not ask in time, on a busy machine, says 503, and is asked again. */
    get: (token?: string): Promise<[number, unknown]> =>
      until(
        () => ask(token),
        ([status]) => status !== 503,
        30_000,
      ),
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

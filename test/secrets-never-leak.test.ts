/** No secret in a log, a file, an answer but the one that gives it, or a metric: searched for after a whole run at the loudest level. */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { call, caller, newWorkspace } from './support/call.ts';
import { follow } from './support/events.ts';
import { rawRequest } from './support/raw-request.ts';
import { endServers, type Server, startServer, temporaryFolder, writeConfig } from './support/server.ts';

afterAll(endServers);

it('no secret leaves by another way than the answer that gives it', async () => {
  const masterKey = randomBytes(32).toString('hex');
  // Outside the data folder, every file of which is searched.
  const config = writeConfig(
    temporaryFolder(),
    'routes:\n  - { name: away, match: { path: /away/* }, upstream: "http://127.0.0.1:9" }\n',
  );
  const env = { TESSERA_LOG_LEVEL: 'trace', TESSERA_MASTER_KEY: masterKey, TESSERA_CONFIG: config };
  const server = await startServer({ env });
  const secrets = [server.rootToken];
  const answers: string[] = [];

  const { admin, scoped } = await newWorkspace(server);
  const gateway = { url: server.gateway };
  secrets.push(admin.token);
  const keyed = { headers: { 'Idempotency-Key': 'once' } };
  const minted = await admin.do('tokens.create', { body: { name: 'a', scopes: [] }, ...keyed });
  const rotated = await admin.do('tokens.rotate', { id: minted.id, ...keyed });
  const batch = await admin.do('tokens.createBatch', { body: { items: [{ name: 'b', scopes: [] }] } });
  const atDefault = await caller(server, server.rootToken).mint();
  secrets.push(minted.token, rotated.token, atDefault.token, ...batch.items.map(({ token }) => token));

  const { id } = minted;
  for (const secret of secrets) {
    const body = JSON.stringify({ token: secret, name: secret, unknown: secret });
    const asked = [
      call(server, 'POST /v1/verify', { token: admin.token, body: { token: secret, mode: 'explain' } }),
      call(server, 'POST /v1/verify', { token: admin.token, body }),
      call(server, 'POST /v1/tokens', { token: admin.token, body }),
      call(server, 'POST /v1/tokens', { token: admin.token, body: `${body}{` }),
      call(server, `GET /v1/tokens?q=${secret}` as 'GET /', { token: admin.token }),
      call(server, `GET /v1/tokens?access_token=${secret}` as 'GET /'),
      call(server, `GET /v1/tokens/${secret}`, { token: admin.token }),
      call(server, `GET /${secret}`, { headers: { Referer: secret, 'User-Agent': secret, 'X-Request-Id': secret } }),
      call(server, 'GET /v1/tokens', { token: `${secret}x` }),
      call(server, 'GET /forward-auth', { token: secret, headers: { 'X-Forwarded-Uri': `/a?k=${secret}` } }),
      call(gateway, 'GET /away/x', { token: atDefault.token, headers: { 'X-Request-Id': secret } }),
      call(gateway, 'GET /away/x', { token: secret }),
      call(gateway, `GET /away/${secret}?access_token=${secret}` as 'GET /', { token: secret }),
      call(gateway, `GET /${secret}`, { headers: { 'X-API-Key': secret } }),
    ];
    for (const { text, headers } of await Promise.all(asked)) {
      // The caller's own request id comes back to it, whatever it is.
      const told = [...headers].filter(([name]) => name !== 'x-request-id');
      answers.push(text.replaceAll(`"requestId":"${secret}"`, ''), JSON.stringify(told));
    }
    const odd = await rawRequest(server, [`GET /${secret} HTTP/1.1`, `Broken ${secret}: x`]);
    answers.push(odd.head, odd.body);
  }
  const narrow = await scoped('tokens:read');
  const headers = { 'X-Request-Id': minted.token };
  answers.push((await narrow.ask('tokens.revoke', { id: minted.token })).text);
  expect((await narrow.ask('tokens.revoke', { id: 'x', headers })).status).toBe(403);
  await admin.do('tokens.update', { id: minted.id, body: { name: 'changed' }, headers });
  for (const name of ['tokens.list', 'audit.list', 'changes.list', 'audit.checkpoint'] as const) {
    answers.push((await admin.ask(name)).text, (await caller(server, server.rootToken).ask(name)).text);
  }
  answers.push((await admin.ask('tokens.get', { id })).text, (await admin.ask('tokens.revoke', { id })).text);
  answers.push((await call(server, 'GET /metrics')).text, (await call(server, 'GET /readyz')).text);
  const stream = await follow(server, admin.token, { since: 0 });
  answers.push(JSON.stringify(await stream.next()));
  await stream.leave();

  const whileRunning = filesOf(server);
  expect(whileRunning.map(({ name }) => name)).toContain('tessera.db-wal');
  await server.kill('SIGKILL');
  const places: Record<string, string> = {
    stderr: server.stderr(),
    stdout: server.stdout(),
    answers: answers.join('\n'),
    ...Object.fromEntries(whileRunning.map(({ name, text }) => [`${name} while it ran`, text])),
    ...Object.fromEntries(filesOf(server).map(({ name, text }) => [`${name} after kill -9`, text])),
  };
  // The search can find something: what must be there is.
  expect(places.stderr).toContain(`tessera:fp:${atDefault.fingerprint}`);
  expect(places.stderr?.split('\n').filter((line) => line !== '').length).toBeGreaterThan(50);
  for (const line of places.stderr?.trim().split('\n') ?? []) expect(() => JSON.parse(line)).not.toThrow();
  expect(places['tessera.db-wal while it ran']).toContain(id);
  for (const [place, text] of Object.entries(places)) {
    expect(text.includes(masterKey), `the master key in ${place}`).toBe(false);
    expect(text.includes(Buffer.from(masterKey, 'hex').toString('latin1')), `the raw master key in ${place}`).toBe(
      false,
    );
    for (const [index, secret] of secrets.entries()) {
      // Without the prefix, and without the last characters, which the hint shows.
      const essence = secret.slice(secret.lastIndexOf('_') + 1, -10);
      expect(text.includes(essence), `secret ${index} in ${place}`).toBe(false);
      expect(text.includes(Buffer.from(secret).toString('base64').slice(8, 48)), `base64 ${index} in ${place}`).toBe(
        false,
      );
    }
  }
});

it('the data folder and its files are their owner’s alone', async () => {
  const data = join(temporaryFolder(), 'made-by-the-server');
  const server = await startServer({ data });
  await caller(server, server.rootToken).mint();
  expect(statSync(data).mode & 0o777).toBe(0o700);
  for (const { name } of filesOf(server)) expect(statSync(join(data, name)).mode & 0o077, name).toBe(0);
});

function filesOf({ data }: Server): { name: string; text: string }[] {
  return readdirSync(data).map((name) => ({ name, text: readFileSync(join(data, name), 'latin1') }));
}

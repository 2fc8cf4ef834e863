/** TLS on a started server: HTTP/2, renewal without a lost request, and tokens that were sent in clear are told. */
import { copyFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { Agent, request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, caller } from './support/call.ts';
import { certificates, type Pair } from './support/certificates.ts';
import { metric } from './support/metrics.ts';
import { endServers, runToEnd, type Server, STARTS_MS, startServer, temporaryFolder } from './support/server.ts';
import { until } from './support/until.ts';

const authority = certificates();
const NAME = 'tessera.test';
let own: Pair;
let server: Server;
let gatewayPort = 0;
let platformPort = 0;
const sessions = new Set<ClientHttp2Session>();

beforeAll(async () => {
  own = authority.server([NAME]);
  server = await startServer({
    env: {
      TESSERA_TLS_PORT: '0',
      TESSERA_GATEWAY_TLS_PORT: '0',
      TESSERA_TLS_CERTIFICATE: own.certificate,
      TESSERA_TLS_KEY: own.key,
      TESSERA_TLS_CLIENT_CERTIFICATES: 'optional',
      TESSERA_TLS_CLIENT_CA: authority.certificate,
      TESSERA_PUBLIC_HTTP: 'gateway',
    },
  });
  platformPort = Number((await server.printed(/platform +https:\S+:(\d+)/))[1]);
  gatewayPort = Number((await server.printed(/gateway +https:\S+:(\d+)/))[1]);
}, STARTS_MS);
afterAll(async () => {
  for (const session of sessions) session.destroy();
  await endServers();
  authority.remove();
});

const trusting = { servername: NAME, ca: authority.certificatePem };
const newToken = (): Promise<{ readonly id: string; readonly token: string }> =>
  caller(server, server.rootToken).mint({ name: 'tls', scopes: [] });

const session = (port: number): ClientHttp2Session => {
  const made = connect(`https://127.0.0.1:${port}`, trusting);
  sessions.add(made);
  return made;
};

const ask = (
  on: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly body: string }> =>
  new Promise((resolve, reject) => {
    const stream = on.request(headers);
    let status = 0;
    let body = '';
    stream.setEncoding('utf8').on('response', (head) => {
      status = Number(head[':status']);
    });
    stream.on('data', (text) => {
      body += String(text);
    });
    stream.on('error', reject).on('end', () => resolve({ status, body }));
  });

describe('HTTP/2 over TLS', () => {
  it('reaches the gateway and the platform, with https as the scheme', async () => {
    const { token } = await newToken();
    const gateway = session(gatewayPort);
    const { status, body } = await ask(gateway, { ':path': '/echo/a?b=c', authorization: `Bearer ${token}` });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ headers: { 'x-forwarded-proto': 'https' } });
    expect((await ask(gateway, { ':path': '/echo/a' })).status).toBe(401);
    const platform = session(platformPort);
    expect((await ask(platform, { ':path': '/healthz' })).body).toBe('{"status":"ok"}');
    const listed = await ask(platform, { ':path': '/v1/workspaces', authorization: `Bearer ${server.rootToken}` });
    expect(listed.status).toBe(200);
  });
});

describe('a token that is sent in clear to a listener that strangers reach', () => {
  it('is refused, told in log and metrics, and recorded once', async () => {
    const { id, token } = await newToken();
    const exposed = () => metric(server, 'tessera_credentials_exposed_total{door="gateway"}');
    const before = await exposed();
    for (let sent = 0; sent < 3; sent += 1) {
      const answer = await call({ url: server.gateway }, 'GET /echo', { token });
      expect([answer.status, answer.body.code]).toEqual([403, 'insecure_transport']);
    }
    await until(exposed, (count) => count >= before + 3);
    expect(await exposed()).toBe(before + 3);
    await server.printed(new RegExp(`"token":"${id}".*a token was sent in clear`));
    const records = async () =>
      (await caller(server, server.rootToken).do('audit.list', { query: { action: 'token.exposed' } })).items;
    const found = await until(records, ({ length }) => length > 0);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      action: 'token.exposed',
      target: { type: 'token', id },
      actor: { kind: 'system' },
      details: { door: 'gateway' },
    });
    expect(server.stderr()).not.toContain(token);
    // The platform is not public: there a proxy of our own may stand in front.
    expect((await call(server, 'GET /v1/workspaces', { token: server.rootToken })).status).toBe(200);
  });

  it('is told nothing of where it is no token', async () => {
    const before = await metric(server, 'tessera_credentials_exposed_total{door="gateway"}');
    expect((await call({ url: server.gateway }, 'GET /echo', { token: 'nonsense' })).status).toBe(403);
    expect((await call({ url: server.gateway }, 'GET /echo')).status).toBe(403);
    expect(await metric(server, 'tessera_credentials_exposed_total{door="gateway"}')).toBe(before);
  });
});

describe('a certificate whose files change', () => {
  it('is in force a moment later, three times, and no request is lost', async () => {
    const { token } = await newToken();
    const kept = new Agent({ keepAlive: true, maxSockets: 2, ...trusting });
    let asking = true;
    let answered = 0;
    const serials = new Set<string>();
    const once = (agent: Agent | false): Promise<void> =>
      new Promise((resolve, reject) => {
        const headers = { Authorization: `Bearer ${token}` };
        const sent = request(
          { host: '127.0.0.1', port: gatewayPort, path: '/echo', agent, headers, ...trusting },
          (answer) => {
            if (agent === false)
              serials.add((answer.socket as import('node:tls').TLSSocket).getPeerX509Certificate()?.serialNumber ?? '');
            answer.resume().on('end', () => {
              answered += 1;
              if (answer.statusCode === 200) resolve();
              else reject(new Error(`status ${answer.statusCode}`));
            });
          },
        );
        sent.on('error', reject).end();
      });
    const running = session(gatewayPort);
    const overHttp2 = async (): Promise<void> => {
      const { status } = await ask(running, { ':path': '/echo', authorization: `Bearer ${token}` });
      expect(status).toBe(200);
    };
    const loop = async (turn: () => Promise<void>): Promise<void> => {
      while (asking) await turn();
    };
    const loops = [loop(() => once(kept)), loop(() => once(false)), loop(overHttp2)];
    const all = Promise.all(loops);
    const expiry = () => metric(server, 'tessera_certificate_expiry_timestamp_seconds');
    /** Somebody who came anew was shown one more. */
    const shown = (count: number) => expect.poll(() => serials.size, { timeout: 10_000 }).toBe(count);
    await shown(1);
    for (const [renewed, days] of [40, 50, 60].entries()) {
      const next = authority.server([NAME], { days });
      copyFileSync(next.key, own.key);
      copyFileSync(next.certificate, own.certificate);
      const end = Date.now() / 1000 + days * 86_400;
      await expect.poll(async () => Math.abs((await expiry()) - end), { timeout: 10_000 }).toBeLessThan(60);
      const before = answered;
      await expect.poll(() => answered, { timeout: 10_000 }).toBeGreaterThan(before + 5);
      await shown(renewed + 2);
    }
    asking = false;
    await all;
    kept.destroy();
    expect(await metric(server, 'tessera_certificate_last_reload_successful')).toBe(1);
  });

  it('stays as it was where they are wrong, which log and metrics tell', async () => {
    copyFileSync(authority.server(['other.test']).certificate, own.certificate);
    // The line alone may be an earlier one: a busy machine reads a new key before its certificate.
    await until(
      () => metric(server, 'tessera_certificate_last_reload_successful'),
      (value) => value === 0,
    );
    await server.printed(/is not the key of.*the certificate was not reloaded/);
    expect((await ask(session(gatewayPort), { ':path': '/echo' })).status).toBe(401);
  });
});

describe('a start', () => {
  it('is refused with the file that is wrong', async () => {
    const other = authority.server(['other.test']);
    const env = {
      TESSERA_PORT: '0',
      TESSERA_GATEWAY_PORT: '0',
      TESSERA_GATEWAY_TLS_PORT: '0',
      TESSERA_DATA: temporaryFolder(),
      TESSERA_TLS_CERTIFICATE: other.certificate,
    };
    const wrong = await runToEnd(['start'], { ...env, TESSERA_TLS_KEY: authority.server(['b.test']).key });
    expect(wrong.code).toBe(8);
    expect(wrong.stderr).toMatch(/tessera cannot start: \S+ is not the key of \S+/);
    const absent = await runToEnd(['start'], { ...env, TESSERA_TLS_KEY: '/nowhere/key.pem' });
    expect(absent.code).toBe(8);
    expect(absent.stderr).toContain('tessera cannot start: /nowhere/key.pem does not exist\n');
  });
});

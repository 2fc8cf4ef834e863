/** examples/gateway: its files are made by its own commands, its configuration is valid, and its calls are answered as it says. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { caller } from './support/call.ts';
import { describeWith, exampleText } from './support/program.ts';
import { type RecordingService, recordingService } from './support/recording-service.ts';
import { send } from './support/send.ts';
import {
  endServers,
  runToEnd,
  type Server,
  STARTS_MS,
  startServer,
  temporaryFolder,
  writeConfig,
} from './support/server.ts';

describeWith(['openssl'], 'the whole gateway in one file', () => {
  let service: RecordingService;
  let server: Server;
  let folder: string;
  let config: string;
  let token: string;
  let tls: { readonly ca: string; readonly servername: string };
  let tlsOrigin: string;

  beforeAll(async () => {
    service = await recordingService();
    folder = temporaryFolder();
    for (const [command] of exampleText('gateway/README.md').matchAll(/^openssl .*$/gm))
      execFileSync('sh', ['-c', command], { cwd: folder, stdio: 'ignore' });
    // Free ports instead of those of the example, and its files where they were made.
    config = exampleText('gateway/tessera.yaml')
      .replace(/^(gatewayPort|gatewayTlsPort): \d+$/gm, '$1: 0')
      .replaceAll('./', `${folder}/`)
      .replace(/127\.0\.0\.1:900[01]/g, (target) => (target.endsWith('0') ? `127.0.0.1:${service.port}` : target));
    server = await startServer({ config });
    tlsOrigin = /gateway +(https:\S+)/.exec(server.stdout())?.[1] ?? '';
    tls = { ca: readFileSync(join(folder, 'certificate.pem'), 'utf8'), servername: 'localhost' };
    token = (await caller(server, server.rootToken).mint({ scopes: ['orders:read'] })).token;
  }, STARTS_MS);
  afterAll(async () => {
    await endServers();
    service.close();
  });

  it('is valid', async () => {
    const { code, stdout, stderr } = await runToEnd(['config', 'check'], {
      TESSERA_CONFIG: writeConfig(temporaryFolder(), config),
    });
    expect([code, stdout, stderr]).toEqual([0, '', 'the configuration is valid; routes: 6\n']);
  });

  it('answers a call over TLS, with limits, and tells the service who calls', async () => {
    const answer = await send(tlsOrigin, '/orders/1?debug=1&x=1', {
      tls,
      headers: { Authorization: `Bearer ${token}`, Cookie: 'a=b', Origin: 'https://app.example.com' },
    });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers['ratelimit-policy']).toContain('"steady";q=600;w=60');
    expect(answer.headers['ratelimit-policy']).not.toContain('strict');
    expect(answer.headers['access-control-allow-origin']).toBe('https://app.example.com');
    const [received] = service.received.filter(({ target }) => target === '/orders/1?x=1');
    const names = received?.fields.map(([name]) => name) ?? [];
    expect(names).toEqual(expect.arrayContaining(['x-from', 'x-tessera-token-id', 'x-tessera-assertion']));
    expect(names).not.toContain('cookie');
    expect(names).not.toContain('authorization');
  });

  it('takes a credential from the query of one route, asks for scopes and certificates on others, and rewrites a path', async () => {
    const headers = { Authorization: `Bearer ${token}` };
    const codeOf = ({ status, text }: { status: number; text: string }): unknown => [status, JSON.parse(text).code];
    expect((await send(server.gateway, `/feed/today?access_token=${token}`)).status).toBe(200);
    expect(codeOf(await send(server.gateway, `/orders/1?access_token=${token}`))).toEqual([401, 'missing']);
    expect(codeOf(await send(server.gateway, '/orders/1', { method: 'DELETE', headers }))).toEqual([
      403,
      'insufficient_scope',
    ]);
    expect(codeOf(await send(server.gateway, '/partners/1', { headers }))).toEqual([401, 'invalid_token']);
    expect((await send(server.gateway, '/shop/cart', { headers })).status).toBe(200);
    expect(service.received.map(({ target }) => target)).toContain('/v2/cart?tenant=');
  });
});

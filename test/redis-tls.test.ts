/** A server counts its limits in a Redis over TLS with an authority of its own, and does not start on one that is somebody else's. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { caller } from './support/call.ts';
import { certificates } from './support/certificates.ts';
import { freePort } from './support/free-port.ts';
import { metric } from './support/metrics.ts';
import { describeWith } from './support/program.ts';
import { startRedis, type TestRedis } from './support/redis.ts';
import { endServers, runToEnd, STARTS_MS, startServer, temporaryFolder } from './support/server.ts';
import { until } from './support/until.ts';

const authority = certificates();
const stranger = certificates();
const served = authority.server(['localhost']);
const shown = authority.client('tessera');

describeWith(['redis-server'], 'Redis over TLS that asks who calls', () => {
  let redis: TestRedis;
  let env: Readonly<Record<string, string>>;
  beforeAll(async () => {
    const port = await freePort();
    const files = ['--tls-cert-file', served.certificate, '--tls-key-file', served.key];
    redis = await startRedis('--tls-port', String(port), ...files, '--tls-ca-cert-file', authority.certificate);
    await redis.command('ACL', 'SETUSER', 'tessera', 'on', '>s3cret', '~{tessera:*', '+@all');
    env = {
      TESSERA_PORT: '0',
      TESSERA_GATEWAY_PORT: '0',
      TESSERA_REDIS_URL: `rediss://tessera:s3cret@localhost:${port}`,
      TESSERA_REDIS_CA: authority.certificate,
      TESSERA_REDIS_CERTIFICATE: shown.certificate,
      TESSERA_REDIS_KEY: shown.key,
    };
  }, STARTS_MS);
  afterAll(async () => {
    await endServers();
    await redis?.close();
    authority.remove();
    stranger.remove();
  });

  it('counts every request of an exact limit', { timeout: STARTS_MS }, async () => {
    const server = await startServer({ env });
    await until(
      () => metric(server, 'tessera_redis_up'),
      (up) => up === 1,
    );
    const admin = caller(server, server.rootToken);
    const { token } = await admin.mint({ limits: [{ limit: 2, window: 86_400 }] });
    const codes: string[] = [];
    await until(
      async () => codes.push((await admin.verify(token)).code),
      () => codes.at(-1) === 'rate_limited',
    );
    const passed = codes.filter((code) => code === 'ok').length;
    // What a busy machine did not hear of in time was refused, and may have been counted.
    const faults = codes.filter((code) => code === 'fault').length;
    expect(passed + faults).toBe(codes.length - 1);
    expect(passed).toBeLessThanOrEqual(2);
    expect(passed + faults).toBeGreaterThanOrEqual(2);
    expect(await redis.command('KEYS', '{tessera:*')).not.toEqual([]);
    const [ours] = String(await redis.command('CLIENT', 'LIST'))
      .split('\n')
      .filter((line) => line.includes('user=tessera'));
    expect(ours).toContain('name=tessera');
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });

  it.each<[string, () => Record<string, string>, RegExp]>([
    [
      'of another authority',
      () => ({ TESSERA_REDIS_CA: stranger.certificate }),
      /^tessera cannot start: redisUrl: the certificate of Redis is from no authority that is trusted here; redisCa names another/m,
    ],
    [
      'that is named otherwise in its certificate',
      () => ({ TESSERA_REDIS_URL: (env.TESSERA_REDIS_URL ?? '').replace('localhost', '127.0.0.1') }),
      /^tessera cannot start: redisUrl: the certificate of Redis is not for the host that redisUrl names/m,
    ],
    [
      'whose authority is in a file that is not there',
      () => ({ TESSERA_REDIS_CA: '/nowhere/ca.pem' }),
      /^tessera cannot start: redisCa: \/nowhere\/ca\.pem does not exist$/m,
    ],
    [
      'with the key of another certificate',
      () => ({ TESSERA_REDIS_KEY: served.key }),
      /^tessera cannot start: redisKey: \S+ is not the key of \S+$/m,
    ],
  ])('is not started on, %s', { timeout: STARTS_MS }, async (_which, wrong, message) => {
    const { code, stdout, stderr } = await runToEnd(['start'], { TESSERA_DATA: temporaryFolder(), ...env, ...wrong() });
    expect(code, stdout).toBe(8);
    expect(stderr).toMatch(message);
    expect(stdout + stderr).not.toContain('s3cret');
  });
});

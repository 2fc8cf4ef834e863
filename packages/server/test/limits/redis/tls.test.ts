/** Redis over TLS: who it is must be proved, and what is wrong with that is said in words that tell what to put right. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, it, test } from 'vitest';
import { certificates, type Pair } from '../../../../../test/support/certificates.ts';
import { freePort } from '../../../../../test/support/free-port.ts';
import { describeWith } from '../../../../../test/support/program.ts';
import { startRedis, type TestRedis } from '../../../../../test/support/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import { connectTo, type RedisTls } from '../../../src/limits/redis/connection.ts';
import { startRedisLink } from '../../../src/limits/redis/link.ts';
import { RedisAway } from '../../../src/limits/redis/patience.ts';
import { RedisUnsuitable } from '../../../src/limits/redis/refusals.ts';
import { script } from '../../../src/limits/redis/script.ts';
import { ignored } from './support.ts';

const ECHO = script("return redis.call('GET', KEYS[1]) or ARGV[1]");
const KEY = '{tessera:tls}';
/** As make-secrets.sh permits. */
const USER =
  'user tessera on >s3cret ~{tessera:* +client|setname +info +eval +evalsha +time +get +set +del +exists'.split(' ');

const authority = certificates();
const stranger = certificates();
const HERE = ['localhost', '127.0.0.1'];
const own = authority.server(HERE);
const trusting = { ca: authority.certificatePem };

afterAll(() => {
  authority.remove();
  stranger.remove();
});

describeWith(['redis-server'], 'a Redis that is spoken to in TLS', () => {
  let redis: TestRedis;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    const files = ['--tls-cert-file', own.certificate, '--tls-key-file', own.key];
    const args = [...files, '--tls-ca-cert-file', authority.certificate, '--tls-auth-clients', 'no'];
    redis = await startRedis(
      '--tls-port',
      String(port),
      ...args,
      ...USER.map((word, at) => (at === 0 ? '--user' : word)),
    );
  });
  afterEach(() => serve(own));
  afterAll(() => redis.close());

  const serve = (pair: Pair, asksCallers: 'yes' | 'no' = 'no') =>
    redis.command(
      'CONFIG',
      'SET',
      ...['tls-cert-file', pair.certificate, 'tls-key-file', pair.key, 'tls-auth-clients', asksCallers],
    );
  const urlOf = (user = 'tessera:s3cret', host = 'localhost'): string => `rediss://${user}@${host}:${port}/0`;

  /** What it answers a script. Throws what it, or its certificate, says. */
  async function ask(url: string, tls?: RedisTls): Promise<unknown> {
    const connection = await connectPatiently(url, tls);
    try {
      return await connection.run(ECHO, [KEY], ['heard']);
    } finally {
      connection.end(new Error('asked'));
    }
  }

  const refusal = (url: string, tls?: RedisTls): Promise<Error> =>
    ask(url, tls).then(
      (answer) => expect.unreachable(`it answered ${String(answer)}`),
      (error: Error) => error,
    );

  it.each(HERE)('is asked at %s, as the user of the URL', async (host) => {
    expect(await ask(urlOf('tessera:s3cret', host), trusting)).toBe('heard');
  });

  it('with a wrong password is refused as in clear', async () => {
    const error = await refusal(urlOf('tessera:wrong'), trusting);
    expect(error).toBeInstanceOf(RedisUnsuitable);
    expect(error.message).toMatch(/^WRONGPASS /);
  });

  const STRANGE = 'the certificate of Redis is from no authority that is trusted here; redisCa names another';
  it.each<[string, () => Pair, RedisTls | undefined, string]>([
    [
      'from an authority that nobody named',
      () => own,
      undefined,
      `${STRANGE} (self-signed certificate in certificate chain)`,
    ],
    ['from another authority of the same name', () => own, { ca: stranger.certificatePem }, STRANGE],
    [
      'that it signed itself',
      () => authority.server(HERE, { selfSigned: true }),
      trusting,
      `${STRANGE} (self-signed certificate`,
    ],
    [
      'for another host',
      () => authority.server(['redis.example.test']),
      trusting,
      'the certificate of Redis is not for the host that redisUrl names (Hostname/IP does not match',
    ],
  ])('a certificate %s is refused at the start', async (_which, pair, tls, message) => {
    await serve(pair());
    const error = await refusal(urlOf(), tls);
    expect(error).toBeInstanceOf(RedisUnsuitable);
    expect(error.message.slice(0, message.length)).toBe(message);
  });

  it('a certificate that has expired is no reason not to start: it is renewed, or limits do what they say', async () => {
    await serve(authority.server(HERE, { days: -1 }));
    const error = await refusal(urlOf(), trusting);
    expect(error).toBeInstanceOf(RedisAway);
    expect(error.message).toBe('certificate has expired');
  });

  it('one that asks for a certificate of its callers gets it, and refuses without, and another', async () => {
    await serve(own, 'yes');
    const { certificatePem: cert, keyPem: key } = authority.client('tessera');
    expect(await ask(urlOf(), { ...trusting, cert, key })).toBe('heard');
    const without = await refusal(urlOf(), trusting);
    expect(without).toBeInstanceOf(RedisUnsuitable);
    expect(without.message).toBe(
      'Redis lets in only who presents a certificate: set redisCertificate and redisKey (tlsv13 alert certificate required)',
    );
    const other = stranger.client('tessera');
    const refused = await refusal(urlOf(), { ...trusting, cert: other.certificatePem, key: other.keyPem });
    expect(refused).toBeInstanceOf(RedisUnsuitable);
    expect(refused.message).toBe('Redis does not accept the certificate of redisCertificate (tlsv1 alert unknown ca)');
  });

  it('spoken to in TLS at its port in clear, and in clear at the one for TLS, is away', async () => {
    await expect(connectTo(redis.url.replace('redis:', 'rediss:'), trusting)).rejects.toThrow(
      new RedisAway('Redis does not answer in TLS'),
    );
    const inTls = await refusal(urlOf().replace('rediss:', 'redis:'));
    expect(inTls).toBeInstanceOf(RedisAway);
    expect(inTls.message).toMatch(
      /^Redis ended the connection before it answered \(.*\); a port for TLS is named by rediss:\/\/$/,
    );
  });

  it('whose certificate becomes one of a stranger is away until it has its own again, and nothing is asked meanwhile', async () => {
    const events: string[] = [];
    const link = await startRedisLink({
      url: urlOf(),
      connect: (url) => connectTo(url, trusting),
      onAway: ({ message }) => events.push(message),
      onUp: ignored,
    });
    try {
      const cut = () => redis.command('CLIENT', 'KILL', 'USER', 'tessera');
      await serve(stranger.server(HERE));
      await cut();
      await until(
        async () => events,
        (told) => told.some((message) => message.startsWith(STRANGE)),
      );
      await expect(link.run(ECHO, [KEY], ['heard'])).rejects.toThrow(STRANGE);
      await serve(authority.server(HERE));
      await until(async () => link.isUp(), Boolean);
      expect(await link.run(ECHO, [KEY], ['heard'])).toBe('heard');
    } finally {
      await link.stop();
    }
  });
});

/** On a busy machine a handshake may take longer than anybody waits for it. */
async function connectPatiently(url: string, tls?: RedisTls): ReturnType<typeof connectTo> {
  for (let time = 1; ; time += 1)
    try {
      return await connectTo(url, tls);
    } catch (error) {
      if (time === 5 || String(error) !== 'RedisAway: Redis does not answer in TLS') throw error;
    }
}

test('whom it asks for is told before the handshake, since some serve many from one address', async () => {
  const told: unknown[] = [];
  const server = createServer({ cert: own.certificatePem, key: own.keyPem }, (socket) => {
    told.push(socket.servername);
    socket.destroy();
  });
  server.on('tlsClientError', ignored).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const host of HERE) await expect(connectTo(`rediss://${host}:${port}`, trusting)).rejects.toThrow(RedisAway);
  server.close();
  expect(told).toEqual(['localhost', false]);
});

/** Guessing tokens is slowed down for each source address, and whoever holds one is not held up by it. */
import { generate } from '@tessera/token';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, call, caller, problemOf, together } from './support/call.ts';
import { endServers, type Server, startServer } from './support/server.ts';
import { unlessOverloaded } from './support/unless-overloaded.ts';

const guess = (): string => generate({ prefix: 'tsm', environment: 'live' });

describe('failed credentials', () => {
  afterAll(endServers);

  it('are a hundred a minute by default: then 429, and a known token still passes', async () => {
    const server = await startServer();
    const root = caller(server, server.rootToken);
    expect((await root.ask('tokens.list')).status).toBe(200);
    const start = performance.now();
    const answers = await together(200, () => unlessOverloaded(() => caller(server, guess()).ask('tokens.list')));
    const seconds = (performance.now() - start) / 1000;
    const blocked = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 401).every(({ body }) => body.code === 'unknown')).toBe(true);
    expect(blocked.length).toBeLessThanOrEqual(100);
    expect(blocked.length).toBeGreaterThanOrEqual(100 - Math.ceil((seconds * 100) / 60));
    const [told] = blocked;
    expect(told && problemOf(told)).toMatchObject({
      status: 429,
      code: 'rate_limited',
      title: 'Too many requests.',
      detail: 'too many failed credentials from this address',
    });
    expect(Number(told?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await root.ask('tokens.list')).status).toBe(200);
  });

  describe('with a limit of three, behind a trusted proxy', () => {
    let server: Server;
    beforeAll(async () => {
      server = await startServer({
        env: { TESSERA_FAILED_CREDENTIALS_PER_MINUTE: '3', TESSERA_TRUSTED_PROXIES: '127.0.0.1' },
      });
    });
    const from = (address: string, token: string): Promise<Answer> =>
      call(server, 'GET /v1/tokens', { token, headers: { 'X-Forwarded-For': address } });
    const guesses = async (...addresses: string[]): Promise<number[]> => {
      const statuses: number[] = [];
      for (const address of addresses) statuses.push((await from(address, guess())).status);
      return statuses;
    };

    it('are counted for each address apart', async () => {
      expect(await guesses('192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.1')).toEqual([401, 401, 401, 429]);
      expect(await guesses('192.0.2.2')).toEqual([401]);
    });

    it('are one source for a whole IPv6 /64, and for an IPv4 address in either notation', async () => {
      expect(await guesses('2001:db8::1', '2001:db8::2', '2001:db8:0:0:9::3', '2001:db8::4')).toEqual([
        401, 401, 401, 429,
      ]);
      expect(await guesses('2001:db8:0:1::1')).toEqual([401]);
      expect(await guesses('198.51.100.7', '::ffff:198.51.100.7', '::ffff:c633:6407', '198.51.100.7')).toEqual([
        401, 401, 401, 429,
      ]);
    });

    it('do not hold up a token that is known, from the same address', async () => {
      expect((await from('192.0.2.3', server.rootToken)).status).toBe(200);
      expect(await guesses('192.0.2.3', '192.0.2.3', '192.0.2.3', '192.0.2.3')).toEqual([401, 401, 401, 429]);
      expect((await from('192.0.2.3', server.rootToken)).status).toBe(200);
    });

    it('are not those that are asked about at the verify endpoint, nor a holder’s own that ended', async () => {
      const root = caller(server, server.rootToken, { 'X-Forwarded-For': '192.0.2.4' });
      for (let again = 0; again < 10; again += 1) expect((await root.verify(guess())).code).toBe('unknown');
      const ended = await root.mint({ api: 'tessera', scopes: ['tokens:read'] });
      await root.do('tokens.revoke', { id: ended.id });
      for (let again = 0; again < 10; again += 1) {
        expect((await from('192.0.2.4', ended.token)).body.code).toBe('revoked');
      }
      expect(await guesses('192.0.2.4')).toEqual([401]);
    });

    it('are counted at the gateway and in forward-auth together', async () => {
      const gateway = (token: string) =>
        call({ url: server.gateway }, 'GET /echo/x', { token, headers: { 'X-Forwarded-For': '192.0.2.5' } });
      expect((await gateway(guess())).status).toBe(401);
      expect((await gateway('garbage')).status).toBe(401);
      expect(await guesses('192.0.2.5', '192.0.2.5')).toEqual([401, 429]);
      expect((await gateway(guess())).status).toBe(429);
    });
  });
});

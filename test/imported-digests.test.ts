/** Tokens of another system go on working by their digests, without their texts ever being known here. */
import { Buffer } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { digest as digestOf, fingerprint, generate } from '@tessera/token';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, newWorkspace, problemOf } from './support/call.ts';
import { expectInvalid } from './support/expect-invalid.ts';
import { metric } from './support/metrics.ts';
import { endServers, type Server, startServer } from './support/server.ts';

const secret = (prefix: string): string => `${prefix}${randomBytes(24).toString('hex')}`;
const hex = (text: string, algorithm: 'sha256' | 'sha512' = 'sha256'): string =>
  createHash(algorithm).update(text).digest('hex');

describe('imported digests', () => {
  let server: Server;
  let admin: Caller;
  beforeAll(async () => {
    server = await startServer();
    ({ admin } = await newWorkspace(server));
  });
  afterAll(endServers);

  const item = (text: string, more: object = {}) => ({
    name: 'old',
    scopes: ['a'],
    digest: hex(text),
    algorithm: 'sha256' as const,
    prefix: 'sk_live_',
    ...more,
  });

  it('verify, whichever algorithm and notation they came in', async () => {
    const texts = [secret('sk_live_'), secret('sk_live_'), secret('sk_live_'), secret('key-')];
    const [one = '', two = '', three = '', four = ''] = texts;
    const { items } = await admin.do('tokens.import', {
      body: {
        items: [
          item(one, { lastFour: one.slice(-4) }),
          item(two, { digest: Buffer.from(hex(two), 'hex').toString('base64') }),
          item(three, { digest: hex(three, 'sha512'), algorithm: 'sha512' }),
          item(four, {
            digest: createHash('sha512').update(four).digest('base64url'),
            algorithm: 'sha512',
            prefix: 'key-',
          }),
        ],
      },
    });
    expect(items[0]).toMatchObject({ hint: `sk_live_…${one.slice(-4)}`, status: 'active', kind: 'api_key' });
    expect(items[0]?.fingerprint).toBe(fingerprint(await digestOf(one)));
    expect(items[2]?.fingerprint).toBeNull();
    for (const [index, text] of texts.entries()) {
      expect(await admin.verify(text, { scopes: ['a'] })).toMatchObject({ valid: true, id: items[index]?.id });
    }
  });

  it('are revoked, limited and rotated like every token', async () => {
    const text = secret('sk_live_');
    const limits = [{ limit: 1, window: 86_400 }];
    const { items } = await admin.do('tokens.import', { body: { items: [item(text, { limits })] } });
    const id = items[0]?.id ?? '';
    expect((await admin.verify(text)).code).toBe('ok');
    expect((await admin.verify(text)).code).toBe('rate_limited');
    const rotated = await admin.do('tokens.rotate', { id, body: { graceSeconds: 0 } });
    expect(rotated.token).toMatch(/^tsr_live_/);
    expect((await admin.verify(text)).code).toBe('rotated');
    await admin.do('tokens.revoke', { id });
    expect((await admin.verify(text)).code).toBe('revoked');
  });

  it('are looked up for texts with an imported prefix alone', async () => {
    await admin.do('tokens.import', { body: { items: [item(secret('sk_live_'))] } });
    const lookups = async (text: string): Promise<[string, number]> => {
      const asked = async (): Promise<number> =>
        (await metric(server, 'tessera_verify_cache_requests_total{outcome="miss"}')) +
        (await metric(server, 'tessera_verify_cache_requests_total{outcome="hit"}'));
      const before = await asked();
      const { code } = await admin.verify(text);
      // One is for the token of the caller itself.
      return [code, (await asked()) - before - 1];
    };
    expect(await lookups(secret('pk_live_'))).toEqual(['malformed', 0]);
    expect(await lookups(secret('sk_test_'))).toEqual(['malformed', 0]);
    const [code, count] = await lookups(secret('sk_live_'));
    expect(code).toBe('unknown');
    expect(count).toBeGreaterThan(0);
  });

  it('are taken over once: the same digest again is a conflict, and then the whole import is', async () => {
    const [one, two] = [secret('sk_live_'), secret('sk_live_')];
    await admin.do('tokens.import', { body: { items: [item(one)] } });
    const again = await admin.ask('tokens.import', { body: { items: [item(two), item(one)] } });
    expect(problemOf(again)).toMatchObject({
      status: 409,
      code: 'conflict',
      detail: 'item 1: a token with this digest exists already',
    });
    expect((await admin.verify(two)).code).toBe('unknown');
  });

  it('are refused where they are no digests, and bring no kind of token in that could not be minted', async () => {
    const text = secret('sk_live_');
    const ask = (more: object) => admin.ask('tokens.import', { body: { items: [item(text, more)] } });
    expectInvalid(await ask({ digest: hex(text, 'sha512') }), '/items/0/digest', 'must be 32 bytes in hex or base64');
    expectInvalid(await ask({ algorithm: 'sha512' }), '/items/0/digest', 'must be 64 bytes in hex or base64');
    expectInvalid(await ask({ algorithm: 'md5' }), '/items/0/algorithm', /./);
    expectInvalid(await ask({ prefix: 's' }), '/items/0/prefix', 'must be 2 to 32 of letters, digits, _ . -');
    expectInvalid(await ask({ token: text }), '/items/0/token', 'unknown member');
    expectInvalid(await ask({ kind: 'personal_access_token' }), '/items/0/owner', /owner of type user/);
  });

  it('of another workspace stay unknown there', async () => {
    const text = secret('sk_live_');
    await admin.do('tokens.import', { body: { items: [item(text)] } });
    const other = await newWorkspace(server);
    expect(await other.admin.verify(text)).toEqual(
      await other.admin.verify(generate({ prefix: 'tsr', environment: 'live' })),
    );
  });
});

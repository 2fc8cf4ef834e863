/** Signed tokens are judged elsewhere without a look-up: on another node and by a verifier in another process, and by what changed as soon as it did. */
import type { BodyInput } from '@tessera/contract';
import { circumstances, createVerifier, type RemoteVerifier, requirement, type Verifier } from '@tessera/verify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caller, newWorkspace, type Workspace } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';
import { until } from './support/until.ts';
import { bearer } from './support/verifier.ts';

let here: Server;
let there: Server;
let workspace: Workspace;
let verifier: RemoteVerifier;

beforeAll(async () => {
  here = await startServer();
  there = await startServer({ data: here.data, rootToken: here.rootToken });
  workspace = await newWorkspace(here);
  const { token } = await workspace.scoped('verify');
  verifier = createVerifier({ url: there.url, token, audience: 'default' });
  await verifier.ready();
}, STARTS_MS);
afterAll(async () => {
  await verifier.close();
  await endServers();
});

type MintBody = BodyInput<'tokens.create'>;

async function made(alg: string, more: Partial<MintBody> = {}) {
  const { admin } = workspace;
  const owner = await admin.do('owners.create', { body: { type: 'service', name: 'shop' } });
  const audience = `https://${crypto.randomUUID()}.example.test`;
  const api = await admin.do('apis.create', { body: { audience, scopes: { read: '' }, jwt: { alg } as never } });
  const body: MintBody = { name: 'job', format: 'jwt', scopes: ['read'], api: audience, owner: owner.id, ...more };
  const { id, token } = await admin.do('tokens.create', { body });
  return { id, token, owner: owner.id, api: api.id };
}

type Made = Awaited<ReturnType<typeof made>>;

/** Whatever it was issued for. */
async function codeOf(judge: Verifier, token: string): Promise<string> {
  const asked = { circumstances: circumstances({ address: '127.0.0.1' }), requirement: requirement({}) };
  return (await judge.verify(bearer(token), asked)).code;
}

async function untilCode(judge: Verifier, token: string, code: string): Promise<void> {
  await until(
    () => codeOf(judge, token),
    (found) => found === code,
  );
}

/** Without a look-up in the meantime. */
async function judgedAlone(token: string): Promise<string> {
  const { lookups } = verifier.metrics();
  const code = await codeOf(verifier, token);
  expect(verifier.metrics().lookups).toBe(lookups);
  return code;
}

async function codeThere(token: string): Promise<string> {
  return (
    await caller(there, there.rootToken, { 'Tessera-Workspace': workspace.id }).do('verify.one', { body: { token } })
  ).code;
}

describe('a signed token', () => {
  it.each(['EdDSA', 'ES256', 'PS256', 'RS256', 'ML-DSA-65'])(
    'by %s is judged by a verifier without a look-up, and made up by none',
    async (alg) => {
      await made(alg);
      const { token, id } = await made(alg);
      // The keys were asked for as the first of them was made.
      await untilCode(verifier, token, 'ok');
      const { token: next } = await made(alg);
      expect(await codeOf(verifier, `${token.slice(0, -6)}AAAAAA`)).toBe('signature_invalid');
      // What is heard of later than the other was made.
      await workspace.admin.do('tokens.revoke', { id });
      await untilCode(verifier, token, 'revoked');
      expect(await judgedAlone(next)).toBe('ok');
    },
  );

  it('by a shared secret, and one that is encrypted, is looked up', async () => {
    const { token } = await made('HS256');
    await untilCode(verifier, token, 'ok');
    const encryption = { alg: 'dir' };
    const audience = `https://${crypto.randomUUID()}.example.test`;
    await workspace.admin.do('apis.create', { body: { audience, scopes: {}, jwt: { encryption } as never } });
    const body: MintBody = { name: 'job', format: 'jwt', scopes: [], api: audience };
    const sealed = await workspace.admin.do('tokens.create', { body });
    expect(await codeOf(verifier, sealed.token)).toBe('ok');
    await workspace.admin.do('tokens.revoke', { id: sealed.id });
    await untilCode(verifier, sealed.token, 'revoked');
  });

  it('that changed is judged by that everywhere, whether it was seen before or not', async () => {
    const { admin } = workspace;
    const cases: readonly (readonly [string, (made: Made) => Promise<unknown>])[] = [
      ['revoked', ({ id }) => admin.do('tokens.revoke', { id })],
      ['disabled', ({ id }) => admin.do('tokens.update', { id, body: { enabled: false } })],
      ['rotated', ({ id }) => admin.do('tokens.rotate', { id, body: { graceSeconds: 0 } })],
      ['owner_disabled', ({ owner: id }) => admin.do('owners.update', { id, body: { enabled: false } })],
      ['revoked', ({ owner: id }) => admin.do('owners.delete', { id })],
    ];
    const changed: (readonly [string, string])[] = [];
    for (const [code, change] of cases) {
      const [seen, unseen] = [await made('ES256'), await made('ES256')];
      await untilCode(verifier, seen.token, 'ok');
      expect(await codeThere(seen.token)).toBe('ok');
      await change(seen);
      await change(unseen);
      changed.push([seen.token, code], [unseen.token, code]);
    }
    const { latest } = await admin.do('changes.list', { query: { limit: 1 } });
    await until(
      () => admin.do('changes.confirmations', { id: String(latest) }),
      ({ nodes, verifiers }) => nodes.confirmed === nodes.total && verifiers.confirmed === verifiers.total,
    );
    for (const [token, code] of changed) {
      expect(await codeOf(verifier, token)).toBe(code);
      expect(await codeThere(token)).toBe(code);
    }
  });

  it('by a key that is forgotten is refused everywhere', async () => {
    const { token } = await made('RS256');
    await untilCode(verifier, token, 'ok');
    const { items } = await workspace.admin.do('keys.list', {});
    const key = items.find(({ alg, state }) => alg === 'RS256' && state === 'active');
    if (key === undefined) throw new Error('no key is active');
    await workspace.admin.do('keys.retire', { id: key.id });
    expect(await codeOf(verifier, token)).toBe('ok');
    await workspace.admin.do('keys.delete', { id: key.id });
    await untilCode(verifier, token, 'signature_invalid');
  });
});

describe('with the server away', () => {
  it('a token that was never seen is judged while the memory may be believed, and denied after', async () => {
    const own = await newWorkspace(here);
    const gone = await startServer({ data: here.data, rootToken: here.rootToken });
    const { token: key } = await own.scoped('verify');
    const body: MintBody = { name: 'job', format: 'jwt', scopes: [] };
    const [first, second] = [
      await own.admin.do('tokens.create', { body }),
      await own.admin.do('tokens.create', { body }),
    ];
    const follower = createVerifier({
      url: gone.url,
      token: key,
      audience: 'default',
      // Long enough for a busy machine to ask once more after the last beat.
      stalenessMs: 4000,
      onEvent: () => {},
    });
    try {
      await follower.ready();
      await untilCode(follower, first.token, 'ok');
      await gone.kill();
      expect(await codeOf(follower, second.token)).toBe('ok');
      await untilCode(follower, second.token, 'fault');
      expect(await codeOf(follower, first.token)).toBe('fault');
    } finally {
      await follower.close();
    }
  });
});

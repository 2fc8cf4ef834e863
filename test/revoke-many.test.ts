/** When something leaked: many tokens end at once, opaque and signed alike, wherever they are judged, and nobody else's. */
import type { BodyInput } from '@tessera/contract';
import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCli } from '../packages/cli/test/run-cli.ts';
import { newWorkspace, problemOf, together, type Workspace } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

let server: Server;
let workspace: Workspace;

beforeAll(async () => {
  server = await startServer();
  workspace = await newWorkspace(server);
}, STARTS_MS);
afterAll(endServers);

type MintBody = BodyInput<'tokens.create'>;
type Wish = BodyInput<'tokens.revokeMany'>;

async function minted(more: Partial<MintBody> = {}, at: Workspace = workspace) {
  return at.admin.do('tokens.create', { body: { name: 'job', scopes: [], ...more } });
}

/** One opaque and one signed token, both in the memory of the node that judges. */
async function both(more: Partial<MintBody> = {}, at: Workspace = workspace) {
  const made = [await minted(more, at), await minted({ ...more, format: 'jwt' }, at)];
  for (const { token } of made) expect(await codeOf(token, at)).toBe('ok');
  return made;
}

async function codeOf(token: string, at: Workspace = workspace): Promise<string> {
  return (await at.admin.do('verify.one', { body: { token } })).code;
}

async function codesOf(tokens: readonly { readonly token: string }[], at: Workspace = workspace): Promise<string[]> {
  return Promise.all(tokens.map(({ token }) => codeOf(token, at)));
}

async function revoked(body: Wish, at: Workspace = workspace): Promise<number> {
  return (await at.admin.do('tokens.revokeMany', { body })).revoked;
}

const ENDED = ['revoked', 'revoked'];
const FINE = ['ok', 'ok'];

describe('tokens end together', () => {
  it('of an owner', async () => {
    const [mine, theirs] = await Promise.all(
      ['a', 'b'].map((name) => workspace.admin.do('owners.create', { body: { type: 'user', name } })),
    );
    const tokens = await both({ owner: mine?.id });
    const others = await both({ owner: theirs?.id });
    expect(await revoked({ owner: mine?.id, reason: 'laptop stolen' })).toBe(2);
    expect(await codesOf(tokens)).toEqual(ENDED);
    expect(await codesOf(others)).toEqual(FINE);
    expect(await revoked({ owner: mine?.id })).toBe(0);
    const [first] = tokens;
    const shown = await workspace.admin.do('tokens.get', { id: first?.id ?? '' });
    expect(shown).toMatchObject({ status: 'revoked', revokedReason: 'laptop stolen' });
    const { items } = await workspace.admin.do('audit.list', { query: { action: 'tokens.revoke_many', limit: 1 } });
    expect(items).toMatchObject([
      { target: { type: 'owner', id: mine?.id }, details: { revoked: 2, reason: 'laptop stolen' } },
    ]);
  });

  it.each(['client', 'session'] as const)('of a %s, with what descends from them under another', async (by) => {
    const tokens = await both({ [by]: 'app-1' });
    const others = await both({ [by]: 'app-2' });
    const parent = await minted({ [by]: 'app-1' });
    const child = await minted({ parent: parent.id, [by]: 'app-3', format: 'jwt' });
    expect(await codeOf(child.token)).toBe('ok');
    expect(await revoked({ [by]: 'app-1' })).toBe(3);
    expect(await codesOf(tokens)).toEqual(ENDED);
    expect(await codeOf(child.token)).toBe('revoked');
    expect(await codesOf(others)).toEqual(FINE);
  });

  it('of an api, by its audience', async () => {
    const audience = 'https://leaky.example.test';
    await workspace.admin.do('apis.create', { body: { audience, scopes: {} } });
    const tokens = await both({ api: audience });
    expect(await revoked({ api: audience })).toBe(2);
    expect(await codesOf(tokens)).toEqual(ENDED);
  });

  it('that descend from one, and not that one', async () => {
    const parent = await minted();
    const tokens = await both({ parent: parent.id });
    const grandchild = await minted({ parent: tokens[0]?.id ?? '', format: 'jwt' });
    expect(await codeOf(grandchild.token)).toBe('ok');
    expect(await revoked({ parent: parent.id })).toBe(3);
    expect(await codesOf([...tokens, grandchild])).toEqual([...ENDED, 'revoked']);
    expect(await codeOf(parent.token)).toBe('ok');
  });

  it('of a key, which signs nothing more', async () => {
    const audience = 'https://rsa.example.test';
    await workspace.admin.do('apis.create', { body: { audience, scopes: {}, jwt: { alg: 'RS256' } } });
    const [signed, other] = [await minted({ api: audience, format: 'jwt' }), await minted({ format: 'jwt' })];
    const encryption = { alg: 'dir' } as const;
    const hidden = 'https://hidden.example.test';
    await workspace.admin.do('apis.create', {
      body: { audience: hidden, scopes: {}, jwt: { alg: 'RS256', encryption } },
    });
    const sealed = await minted({ api: hidden, format: 'jwt' });
    expect(await codesOf([signed, other, sealed])).toEqual(['ok', 'ok', 'ok']);
    const { kid = '' } = decodeProtectedHeader(signed.token);
    expect(await revoked({ key: kid })).toBe(2);
    expect(await codesOf([signed, other, sealed])).toEqual(['signature_invalid', 'ok', 'revoked']);
    expect(await workspace.admin.do('keys.get', { id: kid })).toMatchObject({ state: 'gone' });
    const next = await minted({ api: audience, format: 'jwt' });
    expect(await codeOf(next.token)).toBe('ok');
    expect(decodeProtectedHeader(next.token).kid).not.toBe(kid);
  });

  it('with a prefix, in one environment', async () => {
    const audience = 'https://prefixed.example.test';
    await workspace.admin.do('apis.create', { body: { audience, scopes: {}, prefix: 'leak' } });
    const [live, test] = [await minted({ api: audience }), await minted({ api: audience, env: 'test' })];
    const other = await minted();
    expect(await codesOf([live, test, other])).toEqual(['ok', 'ok', 'ok']);
    expect(await revoked({ prefix: 'lea' })).toBe(0);
    expect(await revoked({ prefix: 'leak_test' })).toBe(1);
    expect(await codesOf([live, test, other])).toEqual(['ok', 'revoked', 'ok']);
    expect(await revoked({ prefix: 'leak' })).toBe(1);
    expect(await codesOf([live, other])).toEqual(['revoked', 'ok']);
  });

  it('that were made before a moment', async () => {
    const { id: owner } = await workspace.admin.do('owners.create', { body: { type: 'user', name: 'c' } });
    const early = await both({ owner });
    const issuedBefore = early.map(({ createdAt }) => Date.parse(createdAt)).reduce((a, b) => Math.max(a, b)) + 1;
    while (Date.now() <= issuedBefore) await new Promise((resolve) => setTimeout(resolve, 1));
    const late = await both({ owner });
    expect(await revoked({ owner, issuedBefore: new Date(issuedBefore).toISOString() })).toBe(2);
    expect(await codesOf(early)).toEqual(ENDED);
    expect(await codesOf(late)).toEqual(FINE);
    expect(await revoked({ owner, issuedAfter: new Date(issuedBefore).toISOString() })).toBe(2);
    expect(await codesOf(late)).toEqual(ENDED);
  });

  it('of a whole workspace, but for the one that asks', async () => {
    const own = await newWorkspace(server);
    const tokens = await both({}, own);
    expect(await revoked({ all: true }, own)).toBe(2);
    expect(await codesOf(tokens, own)).toEqual(ENDED);
    const outside = await both();
    expect(await codesOf(outside)).toEqual(FINE);
    expect(await revoked({ all: true, includeSelf: true }, own)).toBe(1);
    expect((await own.admin.ask('tokens.list')).status).toBe(401);
    expect((await own.root.ask('tokens.list')).status).toBe(200);
  });

  it('each once, however many ask at the same time', async () => {
    const client = 'asked-often';
    await both({ client });
    const answers = await together(50, () => revoked({ client }));
    expect(answers.reduce((sum, count) => sum + count, 0)).toBe(2);
    const { items } = await workspace.admin.do('changes.list', { query: { limit: 1000 } });
    expect(items.filter(({ kind, id }) => kind === 'client.revoked' && id === client)).toHaveLength(1);
  });
});

describe('who may not', () => {
  it.each<[string, readonly string[], Wish, string]>([
    ['all, without admin', ['tokens:write'], { all: true }, 'only admin revokes all tokens of a workspace'],
    ['a key, without the scope for keys', ['tokens:write'], { key: 'key_0' }, 'keys:write'],
  ])('revoke %s', async (_, scopes, body, words) => {
    const caller = await workspace.scoped(...scopes);
    const detail = expect.stringContaining(words) as unknown;
    expect(problemOf(await caller.ask('tokens.revokeMany', { body }))).toMatchObject({ status: 403, detail });
  });

  it('end management tokens of somebody else, and then ends nothing at all', async () => {
    const session = 'ses-mixed';
    const usual = await minted({ session });
    await minted({ session, api: 'tessera', scopes: ['tokens:read', 'audit:read'] });
    const caller = await workspace.scoped('tokens:write');
    expect(problemOf(await caller.ask('tokens.revokeMany', { body: { session } }))).toMatchObject({ status: 403 });
    expect(await codeOf(usual.token)).toBe('ok');
    expect(await revoked({ session })).toBe(2);
  });

  it.each<[string, Wish]>([
    ['nobody', {}],
    ['two at once', { client: 'a', session: 'b' }],
    ['an unknown owner', { owner: 'own_0' }],
    ['an unknown key', { key: 'key_0' }],
  ])('ask for %s', async (_, body) => {
    expect(problemOf(await workspace.admin.ask('tokens.revokeMany', { body }))).toMatchObject({
      status: 422,
      code: 'invalid_input',
    });
  });
});

describe('tessera revoke', () => {
  it('ends what was named, and asks for one thing that tokens have in common', async () => {
    await using cli = await makeCli();
    const own = await newWorkspace(server);
    const env = { TESSERA_URL: server.url, TESSERA_TOKEN: own.admin.token };
    await both({ client: 'leaky' }, own);
    const revoke = (...flags: readonly string[]) => cli.run(['revoke', ...flags, '--yes'], { env });
    const stderr = 'Confirmed by 1 of 1 node and 0 of 0 verifiers.\n';
    // It waits no longer than that takes, also on a busy machine.
    const told = await revoke('--client', 'leaky', '--wait', '30s');
    expect(told).toMatchObject({ code: 0, stdout: '2 tokens revoked.\n', stderr });
    const quietly = await revoke('--client', 'leaky', '--quiet', '--issued-before', '2030-01-31', '--wait', '0');
    expect(quietly).toMatchObject({ code: 0, stdout: '0\n', stderr: '' });
    for (const flags of [[], ['--client', 'leaky', '--all']]) {
      const refused = await revoke(...flags);
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain('name exactly one of --owner, --parent');
    }
  });
});

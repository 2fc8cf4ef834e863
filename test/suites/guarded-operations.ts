/** Every operation of the contract refuses strangers, tokens without its scope and other workspaces. Run on every store. */
import {
  type BodyInput,
  expandManagementScopes,
  managementScopes,
  type OperationName,
  operationList,
} from '@tessera/contract';
import { generate } from '@tessera/token';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Asked, call, caller, newWorkspace, problemOf, type Workspace } from '../support/call.ts';
import type { Server } from '../support/server.ts';

type Thing = 'token' | 'api' | 'owner' | 'role' | 'key' | 'issuer' | 'workspace';
interface Sample<N extends OperationName> {
  /** What the id in the path names. */
  readonly of?: Thing;
  /** What stands in the path where that is no id. */
  readonly path?: string;
  readonly body?: BodyInput<N>;
}

const IMPORTED = 'ab'.repeat(32);

/** A request that each operation would take from whoever may send it. An operation without a sample fails the run. */
const samples: { readonly [N in OperationName]: Sample<N> } = {
  'tokens.create': { body: { name: 'x', scopes: [] } },
  'tokens.createBatch': { body: { items: [{ name: 'x', scopes: [] }] } },
  'tokens.import': {
    body: { items: [{ name: 'x', scopes: [], digest: IMPORTED, algorithm: 'sha256', prefix: 'old_' }] },
  },
  'tokens.list': {},
  'tokens.get': { of: 'token' },
  'tokens.update': { of: 'token', body: { name: 'y' } },
  'tokens.rotate': { of: 'token', body: {} },
  'tokens.cancelRotation': { of: 'token', body: {} },
  'tokens.revoke': { of: 'token', body: {} },
  'tokens.usage': { of: 'token' },
  'verify.one': { body: { token: 'x' } },
  'verify.batch': { body: { items: [{ token: 'x' }] } },
  'apis.list': {},
  'apis.create': { body: { name: 'x', audience: 'https://x.example.test', prefix: 'xx' } },
  'apis.get': { of: 'api' },
  'apis.update': { of: 'api', body: { name: 'y' } },
  'apis.delete': { of: 'api' },
  'owners.list': {},
  'owners.create': { body: { type: 'user', name: 'x' } },
  'owners.get': { of: 'owner' },
  'owners.update': { of: 'owner', body: { name: 'y' } },
  'owners.delete': { of: 'owner' },
  'roles.list': {},
  'roles.create': { body: { name: 'x', scopes: [] } },
  'roles.get': { of: 'role' },
  'roles.update': { of: 'role', body: { name: 'y' } },
  'roles.delete': { of: 'role' },
  'workspaces.list': {},
  'workspaces.create': { body: { name: 'x' } },
  'workspaces.get': { of: 'workspace' },
  'workspaces.update': { of: 'workspace', body: { name: 'y' } },
  'workspaces.delete': { of: 'workspace' },
  'audit.list': {},
  'audit.verify': {},
  'audit.checkpoint': {},
  'changes.list': {},
  'usage.report': { body: { verifier: `vrf_${'0'.repeat(32)}`, number: 1, counts: [], uses: [] } },
  'positions.report': { body: { verifier: `vrf_${'0'.repeat(32)}`, seq: 0 } },
  'positions.withdraw': { body: { verifier: `vrf_${'0'.repeat(32)}` } },
  'changes.confirmations': { path: '1' },
  'lookups.find': { body: { digests: ['A'.repeat(43)] } },
  'notices.list': {},
  'tokens.revokeMany': { body: { client: 'nobody' } },
  'keys.list': {},
  'keys.create': { body: { alg: 'EdDSA' } },
  'keys.get': { of: 'key' },
  'keys.rotate': { body: { alg: 'ES256' } },
  'keys.activate': { of: 'key' },
  'keys.retire': { of: 'key' },
  'keys.delete': { of: 'key' },
  'issuers.list': {},
  'issuers.create': {
    body: { api: 'default', issuer: 'https://issuer.test', method: { jwksUrl: 'https://issuer.test/jwks.json' } },
  },
  'issuers.get': { of: 'issuer' },
  'issuers.update': { of: 'issuer', body: { name: 'y' } },
  'issuers.delete': { of: 'issuer' },
  'issuers.revoke': { of: 'issuer', body: { sub: 'x' } },
  'leases.take': { body: { digest: 'A'.repeat(43), limit: 'x', want: 1 } },
};

/** Well formed, and of nobody. */
const NOWHERE: Readonly<Record<Thing, string>> = {
  token: `tok_${'0'.repeat(26)}`,
  api: `api_${'0'.repeat(26)}`,
  owner: `own_${'0'.repeat(26)}`,
  role: `role_${'0'.repeat(26)}`,
  key: `key_${'0'.repeat(26)}`,
  issuer: `iss_${'0'.repeat(26)}`,
  workspace: `ws_${'0'.repeat(26)}`,
};

export function guardedOperations(server: () => Server): void {
  let mine: Workspace;
  let other: Workspace;
  let ids: Record<Thing, string>;
  let minted: string;

  beforeAll(async () => {
    mine = await newWorkspace(server(), 'mine');
    other = await newWorkspace(server(), 'other');
    const { admin } = mine;
    const role = await admin.do('roles.create', { body: { name: 'reader', scopes: ['a'] } });
    const owner = await admin.do('owners.create', { body: { type: 'user', name: 'o', roles: [role.id] } });
    const api = await admin.do('apis.create', { body: { name: 'a', audience: 'https://a.test', prefix: 'aa' } });
    const token = await admin.mint({ owner: owner.id, api: api.id });
    minted = token.token;
    const key = await admin.do('keys.create', { body: { alg: 'EdDSA' } });
    const issuer = await admin.do('issuers.create', {
      body: { api: api.id, issuer: 'https://issuer.test', method: { discovery: true } },
    });
    ids = {
      token: token.id,
      api: api.id,
      owner: owner.id,
      role: role.id,
      key: key.id,
      issuer: issuer.id,
      workspace: mine.id,
    };
  });

  const asked = (name: OperationName, of: Readonly<Record<Thing, string>>): Asked<OperationName> => {
    const sample: Sample<OperationName> = samples[name];
    return {
      ...(sample.path !== undefined && { id: sample.path }),
      ...(sample.of !== undefined && { id: of[sample.of] }),
      ...(sample.body !== undefined && { body: sample.body }),
    };
  };

  it('has a sample for every operation of the contract', () => {
    expect(Object.keys(samples).sort()).toEqual(operationList.map(([name]) => name).sort());
  });

  describe.each(operationList)('%s', (name, operation) => {
    it('refuses a stranger as `missing`, with a challenge that has no error', async () => {
      const { path, method } = operation;
      const sample = asked(name, ids);
      const answer = await call(server(), `${method} ${path.replace(/\{[a-z]+\}/, sample.id ?? '')}` as 'GET /', {
        body: sample.body,
      });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(problemOf(answer)).toEqual({
        type: 'urn:tessera:problem:missing',
        title: 'A token is required.',
        status: 401,
        detail: 'No credential in an allowed place.',
        code: 'missing',
      });
    });

    it('refuses a token that has every scope but the needed one', async () => {
      const isRoot = operation.scope === 'root';
      const rest = Object.keys(managementScopes).filter(
        (scope) => isRoot || !expandManagementScopes([scope]).includes(operation.scope),
      );
      const narrow = await mine.scoped(...rest);
      const answer = await narrow.ask(name, asked(name, ids));
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer error="insufficient_scope", scope="${operation.scope}"`,
      );
      expect(problemOf(answer)).toMatchObject({
        status: 403,
        code: 'insufficient_scope',
        detail: `missing scope: ${operation.scope}`,
      });
    });

    it('refuses a token of a data api as `wrong_audience`', async () => {
      const answer = await caller(server(), minted).ask(name, asked(name, ids));
      expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
      expect(problemOf(answer)).toMatchObject({
        status: 401,
        code: 'wrong_audience',
        detail: 'The token is for another API.',
      });
    });

    if (samples[name].of !== undefined) {
      it('answers the administrator of another workspace as if the object did not exist', async () => {
        const existing = await other.admin.ask(name, asked(name, ids));
        const absent = await other.admin.ask(name, asked(name, NOWHERE));
        expect(existing.status).toBe(operation.scope === 'root' ? 403 : 404);
        expect(bytesOf(existing)).toBe(bytesOf(absent));
      });
    }
  });

  it('lets another workspace change nothing', async () => {
    const { admin } = mine;
    expect(await admin.do('tokens.get', { id: ids.token })).toMatchObject({ name: 'test', status: 'active' });
    expect(await admin.do('owners.get', { id: ids.owner })).toMatchObject({ name: 'o', roles: [ids.role] });
    expect(await admin.do('roles.get', { id: ids.role })).toMatchObject({ name: 'reader' });
    expect(await admin.do('apis.get', { id: ids.api })).toMatchObject({ name: 'a' });
    expect(await admin.do('workspaces.get', { id: ids.workspace })).toMatchObject({ name: 'mine', enabled: true });
    expect((await admin.verify(minted)).code).toBe('ok');
  });

  const references: ReadonlyArray<readonly [string, OperationName, Thing, (id: string) => unknown]> = [
    ['an owner in a mint', 'tokens.create', 'owner', (owner) => ({ name: 'x', scopes: [], owner })],
    ['an api in a mint', 'tokens.create', 'api', (api) => ({ name: 'x', scopes: [], api })],
    ['an owner in a batch', 'tokens.createBatch', 'owner', (owner) => ({ items: [{ name: 'x', scopes: [], owner }] })],
    [
      'an owner in an import',
      'tokens.import',
      'owner',
      (owner) => ({
        items: [{ name: 'x', scopes: [], owner, digest: IMPORTED, algorithm: 'sha256', prefix: 'old_' }],
      }),
    ],
    [
      'an api of an issuer',
      'issuers.create',
      'api',
      (api) => ({ api, issuer: 'x', method: { jwksUrl: 'https://x.test' } }),
    ],
    [
      'an owner of an issuer',
      'issuers.create',
      'owner',
      (id) => ({ api: 'default', issuer: 'x', method: { jwksUrl: 'https://x.test' }, owner: { id } }),
    ],
    ['a role of a new owner', 'owners.create', 'role', (role) => ({ type: 'user', name: 'x', roles: [role] })],
  ];
  it.each(references)('takes %s of another workspace for an unknown one', async (_what, name, thing, body) => {
    const existing = await other.admin.ask(name, { body: body(ids[thing]) } as Asked<typeof name>);
    const absent = await other.admin.ask(name, { body: body(NOWHERE[thing]) } as Asked<typeof name>);
    expect(problemOf(existing)).toMatchObject({
      status: 422,
      code: 'invalid_input',
      errors: [{ code: 'unknown_reference', detail: `no such ${thing}` }],
    });
    expect(bytesOf(existing)).toBe(bytesOf(absent));
  });

  it('takes a role of another workspace for an unknown one, also for an owner there is', async () => {
    const { id } = await other.admin.do('owners.create', { body: { type: 'user', name: 'x' } });
    const existing = await other.admin.ask('owners.update', { id, body: { roles: [ids.role] } });
    const absent = await other.admin.ask('owners.update', { id, body: { roles: [NOWHERE.role] } });
    expect(problemOf(existing)).toMatchObject({
      status: 422,
      errors: [{ pointer: '/roles/0', detail: 'no such role' }],
    });
    expect(bytesOf(existing)).toBe(bytesOf(absent));
  });

  it('finds nothing by a filter that names an object of another workspace', async () => {
    for (const query of [{ owner: ids.owner }, { api: ids.api }, { api: 'https://a.test' }, { q: ids.token }]) {
      expect(await other.admin.do('tokens.list', { query })).toEqual({ items: [], nextCursor: null });
      expect((await mine.admin.do('tokens.list', { query })).items).toHaveLength(1);
    }
    expect(await other.admin.do('audit.list', { query: { target: ids.token } })).toEqual({ items: [] });
    expect((await other.admin.do('workspaces.list')).items.map(({ id }) => id)).toEqual([other.id]);
  });

  it('tells another workspace about a token what it tells about a text that nobody was given', async () => {
    const known = await other.admin.ask('verify.one', { body: { token: minted } });
    const unknown = await other.admin.ask('verify.one', {
      body: { token: generate({ prefix: 'aa', environment: 'live' }) },
    });
    expect(known.body).toMatchObject({ valid: false, code: 'unknown' });
    expect(known.text).toBe(unknown.text);
    const explained = (token: string) => other.admin.verify(token, { mode: 'explain', scopes: ['a'] });
    expect(await explained(minted)).toEqual(await explained(generate({ prefix: 'aa', environment: 'live' })));
  });

  it('lets the root token alone name a workspace', async () => {
    const named = (token: string, workspace: string) =>
      caller(server(), token, { 'Tessera-Workspace': workspace }).ask('tokens.list');
    expect(problemOf(await named(other.admin.token, mine.id))).toMatchObject({
      status: 403,
      code: 'forbidden',
      detail: 'only the root token names a workspace',
    });
    expect(problemOf(await named(server().rootToken, NOWHERE.workspace))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    expect((await named(server().rootToken, mine.id)).status).toBe(200);
  });
}

/** What was sent, but for the request's own id. */
function bytesOf({ status, text, body, headers }: Answer): string {
  const id = String(body.requestId);
  expect(headers.get('x-request-id')).toBe(id);
  const told = [...headers].filter(([name]) => name !== 'x-request-id' && name !== 'date');
  return JSON.stringify([status, text.replace(id, ''), told]);
}

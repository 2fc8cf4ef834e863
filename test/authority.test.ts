/** Nobody makes, widens or takes over more authority than they hold. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, caller, newWorkspace, problemOf, type Workspace } from './support/call.ts';
import { rawRequest } from './support/raw-request.ts';
import { endServers, type Server, startServer } from './support/server.ts';
import { slowMint } from './support/slow-request.ts';

const HOUR = 3600;

describe('authority', () => {
  let server: Server;
  let workspace: Workspace;
  beforeAll(async () => {
    server = await startServer();
    workspace = await newWorkspace(server);
  });
  afterAll(endServers);

  const expectForbidden = (answer: Answer, detail: string): void => {
    expect(problemOf(answer)).toMatchObject({ status: 403, code: 'forbidden', title: 'Not allowed', detail });
  };
  const OUTLIVE = 'a management token cannot outlive the token that makes or changes it';
  const OTHERS = 'only admin handles the management tokens of other owners';

  describe('of a token that mints', () => {
    const minterFor = async (scopes = ['tokens:read', 'tokens:write']) => {
      const minted = await workspace.admin.mint({ api: 'tessera', scopes, expiresIn: HOUR });
      return { ...caller(server, minted.token), id: minted.id, expiresAt: minted.expiresAt };
    };
    const management = (more: object) => ({ body: { name: 'x', api: 'tessera', scopes: ['tokens:read'], ...more } });

    it.each([
      [['audit:read'], 'audit:read'],
      [['tokens:read', 'verify'], 'verify'],
      [['admin'], /apis:read .*admin$/],
    ])('is not widened by asking for %j', async (scopes, beyond) => {
      const minter = await minterFor();
      const { status, code, detail } = problemOf(await minter.ask('tokens.create', management({ scopes })));
      expect([status, code]).toEqual([403, 'forbidden']);
      expect(detail).toMatch(beyond);
      expect(detail).toMatch(/^your token does not hold the scope /);
    });

    it('is not root by asking for it', async () => {
      const answer = await workspace.root.ask('tokens.create', management({ scopes: ['root'] }));
      expect(problemOf(answer)).toMatchObject({
        status: 422,
        errors: [{ pointer: '/scopes/0', code: 'unknown_scope' }],
      });
    });

    it('is not outlived: what is asked for is refused, a default is clipped', async () => {
      const minter = await minterFor();
      expectForbidden(await minter.ask('tokens.create', management({ expiresIn: 2 * HOUR })), OUTLIVE);
      expectForbidden(await minter.ask('tokens.create', management({ expiresIn: 'never' })), OUTLIVE);
      const clipped = await minter.do('tokens.create', management({}));
      expect(clipped.expiresAt).toBe(minter.expiresAt);
    });

    it('does not reach other owners', async () => {
      const { id } = await workspace.admin.do('owners.create', { body: { type: 'service', name: 'else' } });
      const minter = await minterFor();
      expectForbidden(await minter.ask('tokens.create', management({ owner: id })), OTHERS);
      const owned = await workspace.admin.mint({ api: 'tessera', scopes: ['tokens:write', 'tokens:read'], owner: id });
      const ofOwner = await caller(server, owned.token).do('tokens.create', management({}));
      expect(ofOwner.owner).toBe(id);
    });

    it('is not exceeded by any item of a batch or import, and then nothing is made', async () => {
      const minter = await minterFor();
      const fine = management({ name: 'from a batch' }).body;
      const wide = { ...fine, scopes: ['verify'] };
      const detail = 'item 1: your token does not hold the scope verify changes:read';
      expectForbidden(await minter.ask('tokens.createBatch', { body: { items: [fine, wide] } }), detail);
      const digest = { digest: 'cd'.repeat(32), algorithm: 'sha256', prefix: 'old_' } as const;
      const other = { ...digest, digest: 'ce'.repeat(32) };
      const items = [
        { ...fine, ...digest },
        { ...wide, ...other },
      ];
      expectForbidden(await minter.ask('tokens.import', { body: { items } }), detail);
      expect((await minter.do('tokens.list', { query: { q: 'from a batch' } })).items).toEqual([]);
    });

    it('is not exceeded by changing, rotating or revoking another token', async () => {
      const minter = await minterFor();
      const wide = await workspace.admin.mint({ api: 'tessera', scopes: ['audit:read'], expiresIn: HOUR / 2 });
      const own = await minter.do('tokens.create', management({ expiresIn: HOUR / 2 }));
      const detail = 'your token does not hold the scope audit:read';
      expectForbidden(await minter.ask('tokens.rotate', { id: wide.id }), detail);
      expectForbidden(await minter.ask('tokens.revoke', { id: wide.id }), detail);
      expectForbidden(await minter.ask('tokens.cancelRotation', { id: wide.id }), detail);
      expectForbidden(await minter.ask('tokens.update', { id: wide.id, body: { name: 'mine' } }), detail);
      expectForbidden(await minter.ask('tokens.update', { id: own.id, body: { scopes: ['audit:read'] } }), detail);
      const later = new Date(Date.now() + 2 * HOUR * 1000).toISOString();
      expectForbidden(await minter.ask('tokens.update', { id: own.id, body: { expiresAt: later } }), OUTLIVE);
      expectForbidden(await minter.ask('tokens.update', { id: minter.id, body: { expiresAt: null } }), OUTLIVE);
      expect(await workspace.admin.do('tokens.get', { id: wide.id })).toMatchObject({ name: 'test', status: 'active' });
      const { items } = await workspace.admin.do('audit.list', { query: { target: wide.id } });
      expect(items.map(({ action, outcome }) => [action, outcome])).toEqual([
        ['token.create', 'ok'],
        ['tokens.rotate', 'denied'],
        ['tokens.revoke', 'denied'],
        ['tokens.cancelRotation', 'denied'],
        ['tokens.update', 'denied'],
      ]);
    });

    it('suffices to end itself, and for every token of a data api', async () => {
      const minter = await minterFor();
      const data = await minter.do('tokens.create', { body: { name: 'd', scopes: ['anything'], expiresIn: 'never' } });
      expect(data.expiresAt).toBeNull();
      const wide = await workspace.admin.mint({ scopes: ['b'] });
      await minter.do('tokens.update', { id: wide.id, body: { scopes: ['c'] } });
      await minter.do('tokens.revoke', { id: wide.id });
      const narrow = await workspace.admin.mint({ api: 'tessera', scopes: ['tokens:write'], expiresIn: 60 });
      await caller(server, narrow.token).do('tokens.revoke', { id: narrow.id });
      const after = await caller(server, narrow.token).ask('tokens.list');
      expect(problemOf(after)).toMatchObject({ status: 401, code: 'revoked' });
    });
  });

  describe('of a token that is itself held back', () => {
    const management = (more: object = {}) => ({
      body: { name: 'x', api: 'tessera', scopes: ['tokens:read'], ...more },
    });
    const scopes = ['tokens:read', 'tokens:write'];

    it('is handed down with its address rules', async () => {
      const ip = { allow: ['127.0.0.0/8'] };
      const held = caller(server, (await workspace.admin.mint({ api: 'tessera', scopes, ip })).token);
      const detail = 'a management token has the address rules of the token that makes or changes it';
      expectForbidden(await held.ask('tokens.create', management({ ip: { allow: ['0.0.0.0/0'] } })), detail);
      const made = await held.do('tokens.create', management());
      expect(made.ip).toEqual(ip);
      expectForbidden(await held.ask('tokens.update', { id: made.id, body: { ip: {} } }), detail);
    });

    it('ends with a secret that was replaced, though its grace runs', async () => {
      const old = await workspace.admin.mint({ api: 'tessera', scopes });
      await workspace.admin.do('tokens.rotate', { id: old.id });
      const replaced = caller(server, old.token);
      expect((await replaced.ask('tokens.list')).status).toBe(200);
      const detail = 'your secret was replaced: call with the new one';
      expectForbidden(await replaced.ask('tokens.create', management()), detail);
      expectForbidden(await replaced.ask('tokens.cancelRotation', { id: old.id }), detail);
    });

    it('ends with its revocation, also for a request whose body is still on its way', async () => {
      const { id, token } = await workspace.admin.mint({ api: 'tessera', scopes });
      const { finish } = await slowMint(server, token);
      await workspace.admin.do('tokens.revoke', { id });
      const answer = await finish();
      expect(answer).toMatch(/HTTP\/1\.1 403 Forbidden\r\n/);
      expect(answer).toContain('"detail":"your token was ended or narrowed since it was accepted"');
      expect((await workspace.admin.do('tokens.list', { query: { q: 'slow' } })).items).toEqual([]);
    });
  });

  describe('of a personal access token', () => {
    const personal = async (scopes: string[], more: object = {}) => {
      const { admin } = workspace;
      const role = await admin.do('roles.create', {
        body: { name: `role ${crypto.randomUUID()}`, scopes: ['r', 'w'] },
      });
      const owner = await admin.do('owners.create', { body: { type: 'user', name: 'u', roles: [role.id] } });
      const body = { name: 'pat', kind: 'personal_access_token', owner: owner.id, scopes, ...more } as const;
      return { role, owner, answer: await admin.ask('tokens.create', { body }) };
    };

    it('needs a user, an expiry, and scopes that the user holds', async () => {
      expect((await personal(['r'])).answer.status).toBe(201);
      expectForbidden((await personal(['r', 'x'])).answer, 'the owner does not hold the scope x');
      expect(problemOf((await personal(['r'], { expiresIn: 'never' })).answer)).toMatchObject({
        status: 422,
        errors: [{ pointer: '/expiresIn', code: 'expiry_required', detail: 'a personal access token must expire' }],
      });
      const service = await workspace.admin.do('owners.create', { body: { type: 'service', name: 's' } });
      for (const owner of [service.id, undefined]) {
        expect(problemOf((await personal([], { owner })).answer)).toMatchObject({
          status: 422,
          errors: [{ pointer: '/owner', code: 'owner_required' }],
        });
      }
    });

    it('keeps its expiry and its bounds when it is changed', async () => {
      const { answer } = await personal(['r']);
      const id = String(answer.body.id);
      const { admin } = workspace;
      expect((await admin.ask('tokens.update', { id, body: { expiresAt: null } })).status).toBe(422);
      const wider = await admin.ask('tokens.update', { id, body: { scopes: ['r', 'z'] } });
      expectForbidden(wider, 'the owner does not hold the scope z');
    });

    it('shrinks with the roles of its user, and dies with the user', async () => {
      const { admin } = workspace;
      const { role, owner, answer } = await personal(['r', 'w']);
      const token = String(answer.body.token);
      expect((await admin.verify(token, { scopes: ['w'] })).code).toBe('ok');
      await admin.do('roles.update', { id: role.id, body: { scopes: ['r'] } });
      expect(await admin.verify(token, { scopes: ['w'] })).toMatchObject({ code: 'insufficient_scope', scopes: ['r'] });
      await admin.do('owners.update', { id: owner.id, body: { roles: [] } });
      expect(await admin.verify(token)).toMatchObject({ code: 'ok', scopes: [] });
      await admin.do('owners.update', { id: owner.id, body: { enabled: false } });
      expect((await admin.verify(token)).code).toBe('owner_disabled');
      await admin.do('owners.delete', { id: owner.id });
      expect((await admin.verify(token)).code).toBe('revoked');
    });
  });

  describe('of roles', () => {
    it('is given and taken by administrators alone', async () => {
      const { admin } = workspace;
      const role = await admin.do('roles.create', { body: { name: 'power', scopes: ['tokens:write'] } });
      const owners = await workspace.scoped('owners:read', 'owners:write', 'roles:read', 'roles:write');
      const detail = 'only admin gives or takes roles';
      const body = { type: 'user' as const, name: 'x', roles: [role.id] };
      expectForbidden(await owners.ask('owners.create', { body }), detail);
      const owner = await owners.do('owners.create', { body: { type: 'user', name: 'x' } });
      expectForbidden(await owners.ask('owners.update', { id: owner.id, body: { roles: [role.id] } }), detail);
      await admin.do('owners.update', { id: owner.id, body: { roles: [role.id] } });
      expectForbidden(await owners.ask('owners.update', { id: owner.id, body: { roles: [] } }), detail);
      expectForbidden(await owners.ask('roles.delete', { id: role.id }), 'only admin deletes a role that an owner has');
    });

    it('is not widened by whoever has the role', async () => {
      const { admin } = workspace;
      const role = await admin.do('roles.create', { body: { name: 'own', scopes: ['roles:write', 'owners:write'] } });
      const owner = await admin.do('owners.create', { body: { type: 'user', name: 'me', roles: [role.id] } });
      const scopes = ['roles:write', 'owners:write'];
      const { token } = await admin.mint({ api: 'tessera', owner: owner.id, scopes });
      const me = caller(server, token);
      const detail = 'only admin changes a role that its own owner has';
      expectForbidden(await me.ask('roles.update', { id: role.id, body: { scopes: ['admin'] } }), detail);
      expectForbidden(await me.ask('roles.update', { id: role.id, body: { ip: {} } }), detail);
      expectForbidden(await me.ask('owners.delete', { id: owner.id }), 'only admin deletes the owner it belongs to');
      expect((await me.ask('owners.update', { id: owner.id, body: { roles: [] } })).status).toBe(403);
      expect((await admin.do('roles.get', { id: role.id })).scopes).toEqual(scopes);
    });

    it.each([
      ['/v1/roles/%61dmin', 404, 'not_found'],
      ['/v1/roles/..%2fadmin', 400, 'invalid_request'],
      ['/v1/roles/../roles', 400, 'invalid_request'],
      ['/v1/roles/%2e%2e/tokens', 400, 'invalid_request'],
    ])('is not reached through the path %s', async (path, status, code) => {
      const answer = await rawRequest(server, [
        `GET ${path} HTTP/1.1`,
        `Authorization: Bearer ${workspace.admin.token}`,
      ]);
      expect([answer.status, JSON.parse(answer.body).code]).toEqual([status, code]);
    });
  });

  describe('of the root token', () => {
    it('is changed, rotated and revoked by nobody over the API', async () => {
      const root = caller(server, server.rootToken);
      const [listed] = (await root.do('tokens.list', { query: { q: 'root' } })).items;
      const id = listed?.id ?? '';
      expect(listed?.scopes).toEqual(['root']);
      const admin = caller(server, (await root.mint({ api: 'tessera', scopes: ['admin'] })).token);
      const detail = 'the root token is changed by its setting alone';
      for (const who of [root, admin]) {
        expectForbidden(await who.ask('tokens.revoke', { id }), detail);
        expectForbidden(await who.ask('tokens.rotate', { id }), detail);
        expectForbidden(await who.ask('tokens.update', { id, body: { enabled: false } }), detail);
      }
      expect((await root.ask('tokens.list')).status).toBe(200);
    });

    it('is needed to make, end and suspend workspaces', async () => {
      const { admin, id } = workspace;
      const needed = 'missing scope: root';
      const created = await admin.ask('workspaces.create', { body: { name: 'x' } });
      expect(problemOf(created)).toMatchObject({ status: 403, code: 'insufficient_scope', detail: needed });
      expectForbidden(
        await admin.ask('workspaces.update', { id, body: { enabled: false } }),
        'only the root token suspends or resumes a workspace',
      );
      expect((await admin.ask('workspaces.update', { id, body: { name: 'renamed' } })).status).toBe(200);
    });
  });
});

/** No update is lost: an object that changed since it was read is not written over. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, newWorkspace, problemOf, together } from './support/call.ts';
import { endServers, startServer } from './support/server.ts';

describe('conditional updates', () => {
  let admin: Caller;
  beforeAll(async () => {
    ({ admin } = await newWorkspace(await startServer()));
  });
  afterAll(endServers);

  const STALE = {
    status: 412,
    code: 'precondition_failed',
    title: 'The object has changed',
    detail: 'the object has changed since it was read',
  };

  it('tells the version of every kind of object, and refuses an update of an older one', async () => {
    const owner = await admin.do('owners.create', { body: { type: 'user', name: 'o' } });
    const role = await admin.do('roles.create', { body: { name: 'r', scopes: [] } });
    const api = await admin.do('apis.create', { body: { name: 'a', audience: 'https://a.test', prefix: 'aa' } });
    const token = await admin.mint();
    const objects = [
      { id: owner.id, get: 'owners.get', update: 'owners.update' },
      { id: role.id, get: 'roles.get', update: 'roles.update' },
      { id: api.id, get: 'apis.get', update: 'apis.update' },
      { id: token.id, get: 'tokens.get', update: 'tokens.update' },
    ] as const;
    for (const { id, get, update } of objects) {
      const seen = (await admin.ask(get, { id })).headers.get('etag') ?? '';
      expect(seen).toBe('"1"');
      const changed = await admin.ask(update, { id, body: { name: 'second' }, headers: { 'If-Match': seen } });
      expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
      const stale = await admin.ask(update, { id, body: { name: 'third' }, headers: { 'If-Match': seen } });
      expect(problemOf(stale)).toMatchObject(STALE);
      expect((await admin.ask(get, { id })).body.name).toBe('second');
    }
  });

  it.each([
    ['"1"', 200],
    ['"7", "1"', 200],
    ['*', 200],
    ['W/"1"', 412],
    ['"01x"', 412],
    ['1', 412],
    ['""', 412],
  ])('compares If-Match: %s strongly (%i)', async (header, status) => {
    const { id } = await admin.mint();
    expect(
      (await admin.ask('tokens.update', { id, body: { name: 'n' }, headers: { 'If-Match': header } })).status,
    ).toBe(status);
  });

  it('guards rotation and revocation too', async () => {
    const { id, token } = await admin.mint();
    await admin.do('tokens.update', { id, body: { name: 'n' } });
    for (const name of ['tokens.rotate', 'tokens.revoke'] as const) {
      expect(problemOf(await admin.ask(name, { id, headers: { 'If-Match': '"1"' } }))).toMatchObject(STALE);
    }
    expect((await admin.verify(token)).code).toBe('ok');
  });

  it('lets one of fifty writers of the same version win, and the next version likewise', async () => {
    const { id } = await admin.mint();
    for (const version of ['"1"', '"2"']) {
      const answers = await together(50, (index) =>
        admin.ask('tokens.update', { id, body: { name: `writer ${index}` }, headers: { 'If-Match': version } }),
      );
      const won = answers.filter(({ status }) => status === 200);
      expect(won).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 412)).toHaveLength(49);
      expect((await admin.do('tokens.get', { id })).name).toBe(won[0]?.body.name);
    }
  });

  it('loses no update of members that different writers change without a condition', async () => {
    const { id } = await admin.mint();
    await Promise.all([
      admin.do('tokens.update', { id, body: { name: 'renamed' } }),
      admin.do('tokens.update', { id, body: { scopes: ['a'] } }),
      admin.do('tokens.update', { id, body: { metadata: { k: 'v' } } }),
    ]);
    expect(await admin.do('tokens.get', { id })).toMatchObject({
      name: 'renamed',
      scopes: ['a'],
      metadata: { k: 'v' },
    });
  });
});

/** Idempotency-Key: a repeat gets the first answer, whatever happened in between. Run on every store. */
import { beforeAll, expect, it } from 'vitest';
import { newWorkspace, problemOf, together, type Workspace } from '../support/call.ts';
import type { Server } from '../support/server.ts';

const key = (value: string) => ({ 'Idempotency-Key': value });

export function idempotency(server: () => Server): void {
  let workspace: Workspace;
  beforeAll(async () => {
    workspace = await newWorkspace(server());
  });

  it('answers a repeat as it answered first, the secret included, and mints one token', async () => {
    const { admin } = workspace;
    const asked = { body: { name: 'repeated', scopes: [] }, headers: key('one') };
    const first = await admin.ask('tokens.create', asked);
    const second = await admin.ask('tokens.create', asked);
    expect(second.status).toBe(201);
    expect(second.text).toBe(first.text);
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
    expect(second.headers.get('cache-control')).toBe('no-store');
    expect((await admin.do('tokens.list', { query: { q: 'repeated' } })).items).toHaveLength(1);
    const { items } = await admin.do('audit.list', { query: { target: String(first.body.id) } });
    expect(items.map(({ action }) => action)).toEqual(['token.create']);
    expect((await admin.verify(String(second.body.token))).valid).toBe(true);
  });

  it('refuses the same key for another body', async () => {
    const { admin } = workspace;
    await admin.do('tokens.create', { body: { name: 'a', scopes: [] }, headers: key('two') });
    const other = await admin.ask('tokens.create', { body: { name: 'b', scopes: [] }, headers: key('two') });
    expect(problemOf(other)).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
      detail: 'the key was used with another request body',
    });
  });

  it('remembers refusals too', async () => {
    const { admin } = workspace;
    const body = { name: 'taken', scopes: [] };
    const { id } = await admin.do('roles.create', { body });
    const refused = await admin.ask('roles.create', { body, headers: key('three') });
    expect(problemOf(refused)).toMatchObject({ status: 409, code: 'conflict' });
    await admin.do('roles.delete', { id });
    const again = await admin.ask('roles.create', { body, headers: key('three') });
    expect(problemOf(again)).toEqual(problemOf(refused));
    expect((await admin.ask('roles.create', { body, headers: key('four') })).status).toBe(201);
  });

  it('keeps keys apart by caller, workspace and path', async () => {
    const body = { name: 'apart', scopes: [] };
    const minter = await workspace.scoped('tokens:write');
    const other = await newWorkspace(server());
    const answers = [
      await workspace.admin.ask('tokens.create', { body, headers: key('shared') }),
      await minter.ask('tokens.create', { body, headers: key('shared') }),
      await workspace.root.ask('tokens.create', { body, headers: key('shared') }),
      await other.root.ask('tokens.create', { body, headers: key('shared') }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(4);
    const id = String(answers[0]?.body.id);
    const rotated = await workspace.admin.ask('tokens.rotate', { id, headers: key('shared') });
    expect(rotated.status).toBe(201);
    const repeat = await workspace.admin.ask('tokens.rotate', { id, headers: key('shared') });
    expect(repeat.text).toBe(rotated.text);
    expect((await workspace.admin.do('tokens.get', { id })).secrets).toHaveLength(2);
  });

  it.each(['', 'a b', 'x'.repeat(256)])('refuses the key %j', async (value) => {
    const answer = await workspace.admin.ask('tokens.create', { body: { name: 'x', scopes: [] }, headers: key(value) });
    expect(problemOf(answer)).toMatchObject({
      status: 400,
      code: 'invalid_request',
      detail: 'Idempotency-Key must be 1 to 255 visible ASCII characters',
    });
  });

  it('mints one token for fifty requests at once', async () => {
    const { admin } = workspace;
    const asked = { body: { name: 'at once', scopes: [] }, headers: key('fifty') };
    const answers = await together(50, () => admin.ask('tokens.create', asked));
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect((await admin.do('tokens.list', { query: { q: 'at once' } })).items).toHaveLength(1);
  });
}

/** No change without its record, in order; and a record that is lost or edited is detected. */
import { hash as hashOfText } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Output } from '@tessera/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, caller, newWorkspace, problemOf, type Workspace } from './support/call.ts';
import { endServers, type Server, startServer } from './support/server.ts';

describe('the audit log', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(endServers);

  it('has one record for every change, in the order of the changes, by whom and of what', async () => {
    const { id: workspace, admin, root } = await newWorkspace(server);
    const role = await admin.do('roles.create', { body: { name: 'r', scopes: ['a'] } });
    const owner = await admin.do('owners.create', { body: { type: 'user', name: 'o', roles: [role.id] } });
    const api = await admin.do('apis.create', { body: { name: 'a', audience: 'https://a.test', prefix: 'aa' } });
    const token = await admin.mint({ owner: owner.id });
    await admin.do('tokens.update', { id: token.id, body: { name: 'renamed' } });
    await admin.do('tokens.rotate', { id: token.id });
    await admin.do('tokens.cancelRotation', { id: token.id });
    await admin.do('tokens.revoke', { id: token.id, body: { reason: 'done' } });
    await admin.do('owners.update', { id: owner.id, body: { enabled: false } });
    await admin.do('roles.update', { id: role.id, body: { scopes: [] } });
    await admin.ask('apis.delete', { id: api.id });
    await admin.ask('owners.delete', { id: owner.id });
    await admin.ask('roles.delete', { id: role.id });
    await root.do('workspaces.update', { id: workspace, body: { name: 'n' } });
    const { items } = await admin.do('audit.list');
    const of = items.slice(2);
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, index) => index + 1));
    expect(of.map(({ action, target }) => [action, target?.id])).toEqual([
      ['role.create', role.id],
      ['owner.create', owner.id],
      ['api.create', api.id],
      ['token.create', token.id],
      ['token.update', token.id],
      ['token.rotate', token.id],
      ['token.rotate.cancel', token.id],
      ['token.revoke', token.id],
      ['owner.update', owner.id],
      ['role.update', role.id],
      ['api.delete', api.id],
      ['owner.delete', owner.id],
      ['role.delete', role.id],
      ['workspace.update', workspace],
    ]);
    const update = of.find(({ action }) => action === 'token.update');
    expect(update).toMatchObject({
      actor: { kind: 'token', owner: null },
      target: { type: 'token', id: token.id },
      outcome: 'ok',
      address: '127.0.0.1',
      details: { name: { from: 'test', to: 'renamed' } },
    });
    expect(update?.requestId).toMatch(/./);
    const [self] = (await root.do('tokens.list', { query: { q: 'admin' } })).items;
    expect(update?.actor.token).toBe(self?.id);
    expect(await admin.do('audit.verify')).toEqual({ ok: true, records: items.length });
  });

  it('records what was refused for want of authority, and nothing for what was not valid', async () => {
    const { admin, scoped } = await newWorkspace(server);
    const { id } = await admin.mint();
    const narrow = await scoped('tokens:read');
    const { items: before } = await admin.do('audit.list');
    expect((await narrow.ask('tokens.revoke', { id })).status).toBe(403);
    expect((await narrow.ask('tokens.list', { query: { limit: 0 } })).status).toBe(422);
    expect((await admin.ask('tokens.create', { body: { name: '', scopes: [] } })).status).toBe(422);
    const { items } = await admin.do('audit.list', { query: { after: before.length } });
    expect(items).toMatchObject([{ action: 'tokens.revoke', outcome: 'denied', target: { type: 'token', id } }]);
  });

  it('links every record to the one before by a hash that anybody can compute', async () => {
    const { admin } = await newWorkspace(server);
    await admin.mint({ name: 'ü' });
    const { items } = await admin.do('audit.list');
    let previous = '0'.repeat(64);
    for (const { hash, ...record } of items) {
      expect(record.previous).toBe(previous);
      expect(hashOfText('sha256', canonical(record))).toBe(hash);
      previous = hash;
    }
    expect(await admin.do('audit.checkpoint')).toMatchObject({ seq: items.length, hash: previous });
  });

  it('is read by action, by target and in pages', async () => {
    const { admin } = await newWorkspace(server);
    const { id } = await admin.mint();
    await admin.mint();
    expect((await admin.do('audit.list', { query: { target: id } })).items).toHaveLength(1);
    expect((await admin.do('audit.list', { query: { action: 'token.create' } })).items).toHaveLength(3);
    const first = await admin.do('audit.list', { query: { limit: 2 } });
    const rest = await admin.do('audit.list', { query: { after: first.items.at(-1)?.seq ?? 0 } });
    expect([...first.items, ...rest.items].map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  });

  it('keeps in one escaped record what a header or a path tries to write beside it', async () => {
    const { admin, scoped } = await newWorkspace(server);
    const narrow = await scoped('tokens:read');
    const headers = { 'User-Agent': '{"event":"fake"}|=\\' };
    const id = 'a%22,%22event%22:%22fake%22,%7C=';
    const answer = await call(server, `POST /v1/tokens/${id}/revoke`, { token: narrow.token, body: {}, headers });
    expect(answer.status).toBe(403);
    const { items } = await admin.do('audit.list', { query: { action: 'tokens.revoke' } });
    expect(items).toMatchObject([{ target: { type: 'token' }, outcome: 'denied' }]);
    expect(items[0]).not.toHaveProperty('event');
    const control = await call(server, 'POST /v1/tokens/a%0a%1b%5b2J/revoke', { token: narrow.token, body: {} });
    expect(problemOf(control)).toMatchObject({ status: 400, code: 'invalid_request' });
    expect((await admin.do('audit.verify')).ok).toBe(true);
  });

  describe('whose file was edited while the server was stopped', () => {
    type Proof = Output<'audit.verify'>;
    const tampered: Record<string, (db: DatabaseSync, workspace: string) => void> = {
      'not at all': () => {},
      'one byte of a record': (db, workspace) =>
        void db
          .prepare(`update audit set details = replace(details, 'third', 'thirD') where workspace = ? and seq = 5`)
          .run(workspace),
      'the time of a record': (db, workspace) =>
        void db.prepare('update audit set at = at + 1 where workspace = ? and seq = 5').run(workspace),
      'one record gone': (db, workspace) =>
        void db.prepare('delete from audit where workspace = ? and seq = 5').run(workspace),
      'the first record gone': (db, workspace) =>
        void db.prepare('delete from audit where workspace = ? and seq = 1').run(workspace),
      'two records swapped': (db, workspace) => {
        const move = db.prepare('update audit set seq = ? where workspace = ? and seq = ?');
        for (const [to, from] of [
          [1000, 5],
          [5, 6],
          [6, 1000],
        ] as const)
          move.run(to, workspace, from);
      },
      'a record at the end that the server never wrote': (db, workspace) => forge(db, workspace),
      'the end cut off': (db, workspace) =>
        void db.prepare('delete from audit where workspace = ? and seq > 5').run(workspace),
      'all records gone': (db, workspace) => void db.prepare('delete from audit where workspace = ?').run(workspace),
      'the head gone': (db, workspace) => void db.prepare('delete from audit_heads where workspace = ?').run(workspace),
      'the head moved back without its key': (db, workspace) => {
        db.prepare('delete from audit where workspace = ? and seq > 5').run(workspace);
        db.prepare(
          'update audit_heads set seq = 5, hash = (select hash from audit where workspace = ? and seq = 5) where workspace = ?',
        ).run(workspace, workspace);
      },
      'the end cut off and an old head put back': (db, workspace) => {
        const old = heads.get(workspace);
        db.prepare('delete from audit where workspace = ? and seq > ?').run(workspace, old?.seq ?? 0);
        db.prepare('update audit_heads set seq = ?, hash = ?, mac = ? where workspace = ?').run(
          old?.seq ?? 0,
          old?.hash ?? '',
          old?.mac ?? '',
          workspace,
        );
      },
    };
    const expected: Record<keyof typeof tampered, Partial<Proof>> = {
      'not at all': { ok: true, records: 8 },
      'one byte of a record': { ok: false, firstBad: 5, reason: 'the record was changed' },
      'the time of a record': { ok: false, firstBad: 5, reason: 'the record was changed' },
      'one record gone': { ok: false, firstBad: 5, reason: 'a record is missing' },
      'the first record gone': { ok: false, firstBad: 1, reason: 'a record is missing' },
      'two records swapped': { ok: false, firstBad: 5, reason: 'the record does not continue the one before' },
      'a record at the end that the server never wrote': {
        ok: false,
        firstBad: 9,
        reason: 'the record is beyond the head',
      },
      'the end cut off': { ok: false, firstBad: 6, reason: 'records at the end are missing' },
      'all records gone': { ok: false, firstBad: 1, reason: 'records at the end are missing' },
      'the head gone': { ok: false, firstBad: 1, reason: 'the head is missing' },
      'the head moved back without its key': { ok: false, firstBad: 5, reason: 'the head was changed' },
      // Nothing in the file tells: that takes the checkpoint.
      'the end cut off and an old head put back': { ok: true, records: 5 },
    };

    interface Head {
      readonly seq: number;
      readonly hash: string;
      readonly mac: string;
    }
    const heads = new Map<string, Head>();
    const checkpoints = new Map<string, Output<'audit.checkpoint'>>();
    const workspaces = new Map<string, Workspace>();
    let stopped: Server;
    let again: Server;

    beforeAll(async () => {
      stopped = await startServer();
      const headOf = (workspace: string): Head => {
        const db = new DatabaseSync(join(stopped.data, 'tessera.db'), { readOnly: true, timeout: 10_000 });
        const head = db.prepare('select seq, hash, mac from audit_heads where workspace = ?').get(workspace);
        db.close();
        return head as unknown as Head;
      };
      for (const what of Object.keys(tampered)) {
        const workspace = await newWorkspace(stopped, what);
        for (const name of ['first', 'second', 'third']) await workspace.admin.mint({ name });
        heads.set(workspace.id, headOf(workspace.id));
        for (const name of ['fourth', 'fifth', 'sixth']) await workspace.admin.mint({ name });
        checkpoints.set(what, await workspace.admin.do('audit.checkpoint'));
        workspaces.set(what, workspace);
      }
      expect(await stopped.stop()).toEqual({ code: 0, signal: null });
      const db = new DatabaseSync(join(stopped.data, 'tessera.db'));
      for (const [what, edit] of Object.entries(tampered)) edit(db, workspaces.get(what)?.id ?? '');
      db.close();
      again = await startServer({ data: stopped.data, rootToken: stopped.rootToken });
    });

    const prove = (what: string, checkpoint?: { seq: number; hash: string }): Promise<Proof> =>
      caller(again, workspaces.get(what)?.admin.token ?? '').do('audit.verify', {
        ...(checkpoint && { query: { seq: checkpoint.seq, hash: checkpoint.hash } }),
      });

    it.each(Object.entries(expected))('%s: is proved', async (what, proof) => {
      expect(await prove(what)).toMatchObject(proof);
    });

    it('is found with a checkpoint that was kept elsewhere, also where the old head was put back', async () => {
      const what = 'the end cut off and an old head put back';
      const checkpoint = checkpoints.get(what) ?? { seq: 0, hash: '' };
      expect(await prove(what, checkpoint)).toMatchObject({
        ok: false,
        firstBad: 6,
        reason: 'the chain ends before the checkpoint',
      });
      const whole = 'not at all';
      expect(await prove(whole, checkpoints.get(whole))).toEqual({ ok: true, records: 8 });
      const foreign = { seq: checkpoint.seq, hash: 'f'.repeat(64) };
      expect(await prove(whole, foreign)).toMatchObject({
        ok: false,
        firstBad: checkpoint.seq,
        reason: 'the record is not the one of the checkpoint',
      });
    });

    it('takes a checkpoint whole or not at all', async () => {
      const admin = caller(again, workspaces.get('not at all')?.admin.token ?? '');
      expect(problemOf(await admin.ask('audit.verify', { query: { seq: 1 } }))).toMatchObject({
        status: 422,
        errors: [{ pointer: '?hash', detail: 'seq and hash go together' }],
      });
    });
  });
});

/** Appends a record with a right hash: whoever can write the file can compute that. */
function forge(db: DatabaseSync, workspace: string): void {
  const last = db.prepare('select * from audit where workspace = ? order by seq desc limit 1').get(workspace);
  const { seq, hash: previous } = last as { seq: number; hash: string };
  const at = Date.now();
  const record = {
    seq: seq + 1,
    at: new Date(at).toISOString(),
    actor: { token: null, owner: null, kind: 'system' },
    action: 'token.revoke',
    target: null,
    outcome: 'ok',
    requestId: null,
    address: null,
    details: {},
    previous,
  };
  const hash = hashOfText('sha256', canonical(record));
  db.prepare(
    `insert into audit (workspace, seq, at, actor_kind, action, outcome, details, previous, hash)
     values (?, ?, ?, 'system', 'token.revoke', 'ok', '{}', ?, ?)`,
  ).run(workspace, seq + 1, at, previous, hash);
}

/** RFC 8785, for the values that records hold: members by code unit, no spaces. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${canonical(inner)}`).join(',')}}`;
}

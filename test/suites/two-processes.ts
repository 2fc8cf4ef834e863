/** Two servers on one store: the second one follows the first within the promised second. Run on every store. */
import { expect, it } from 'vitest';
import { type Caller, caller, newWorkspace, together } from '../support/call.ts';
import type { Server } from '../support/server.ts';
import { until } from '../support/until.ts';

/** The promise: whoever asks a second later is told elsewhere, too. */
const PROMISED_MS = 1000;

export function twoProcesses(servers: () => readonly [Server, Server]): void {
  const prepare = async (): Promise<{ here: Caller; there: Caller; workspace: string; root: Caller }> => {
    const [first, second] = servers();
    const { admin, id, root } = await newWorkspace(first);
    return { here: admin, there: caller(second, admin.token), workspace: id, root };
  };
  /** Resolves when the other process gives this code; rejects where it does not although it was asked later than promised. */
  const follows = (there: Caller, token: string, code: string) =>
    until(
      () => there.verify(token),
      (verdict) => verdict.code === code,
      PROMISED_MS,
    );

  it('refuses a revoked token in the other process within a second, each time', async () => {
    const { here, there } = await prepare();
    for (let round = 0; round < 10; round += 1) {
      const { id, token } = await here.mint();
      expect((await there.verify(token)).code).toBe('ok');
      await here.do('tokens.revoke', { id });
      expect((await here.verify(token)).code).toBe('revoked');
      await follows(there, token, 'revoked');
    }
  });

  it('refuses at once what it acknowledges, where the other process had ended it a moment before', async () => {
    const { here, there } = await prepare();
    const headers = { 'Idempotency-Key': 'the-same-for-both' };
    for (const again of [{}, { headers }]) {
      const { id, token } = await here.mint();
      expect((await there.verify(token)).code).toBe('ok');
      await here.do('tokens.revoke', { id, ...again });
      await there.do('tokens.revoke', { id, ...again });
      expect((await there.verify(token)).code).toBe('revoked');
    }
  });

  it('follows every other change too: disabled, rotated, owner, role, api, workspace', async () => {
    const { here, there, root, workspace } = await prepare();
    const role = await here.do('roles.create', { body: { name: 'r', scopes: ['a'] } });
    const owner = await here.do('owners.create', { body: { type: 'user', name: 'o', roles: [role.id] } });
    const { id, token } = await here.mint({ owner: owner.id });
    expect((await there.verify(token)).code).toBe('ok');
    await here.do('roles.update', { id: role.id, body: { ip: { allow: ['10.0.0.1'] } } });
    await follows(there, token, 'ip_denied');
    await here.do('roles.update', { id: role.id, body: { ip: {} } });
    await follows(there, token, 'ok');
    await here.do('owners.update', { id: owner.id, body: { enabled: false } });
    await follows(there, token, 'owner_disabled');
    await here.do('owners.update', { id: owner.id, body: { enabled: true } });
    await follows(there, token, 'ok');
    await here.do('tokens.update', { id, body: { enabled: false } });
    await follows(there, token, 'disabled');
    await here.do('tokens.update', { id, body: { enabled: true } });
    await follows(there, token, 'ok');
    await here.do('tokens.rotate', { id, body: { graceSeconds: 0 } });
    await follows(there, token, 'rotated');
    await root.do('workspaces.update', { id: workspace, body: { enabled: false } });
    const [, second] = servers();
    const watching = caller(second, second.rootToken, { 'Tessera-Workspace': workspace });
    await follows(watching, token, 'suspended');
  });

  it('knows at once what the other process minted', async () => {
    const { here, there } = await prepare();
    const { token, id } = await here.mint();
    expect((await there.verify(token)).code).toBe('ok');
    expect((await there.do('tokens.get', { id })).id).toBe(id);
  });

  it('mints one token for the same key sent to both at once', async () => {
    const { here, there } = await prepare();
    const asked = { body: { name: 'shared', scopes: [] }, headers: { 'Idempotency-Key': 'both' } };
    const answers = await together(20, (index) => (index % 2 ? here : there).ask('tokens.create', asked));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect((await here.do('tokens.list', { query: { q: 'shared' } })).items).toHaveLength(1);
  });

  it('keeps one audit chain and one order of changes, whoever writes', async () => {
    const { here, there } = await prepare();
    await together(20, (index) => (index % 2 ? here : there).mint());
    const { items } = await there.do('audit.list');
    expect(items.map(({ seq }) => seq)).toEqual(Array.from({ length: 22 }, (_, index) => index + 1));
    expect(await here.do('audit.verify')).toEqual({ ok: true, records: 22 });
    expect((await there.do('changes.list')).items).toEqual((await here.do('changes.list')).items);
  });

  it('shares a quota exactly', async () => {
    const { here, there } = await prepare();
    const { token } = await here.mint({ quota: { limit: 10, period: 'day' } });
    const found = await together(40, (index) => (index % 2 ? here : there).verify(token));
    expect(found.filter(({ code }) => code === 'ok')).toHaveLength(10);
    expect(found.filter(({ code }) => code === 'quota_exceeded')).toHaveLength(30);
  });
}

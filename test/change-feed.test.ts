/** The change feed tells everything that caches must know, in order, once, and to whoever may still hear it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newWorkspace, problemOf } from './support/call.ts';
import { type Following, follow } from './support/events.ts';
import { metric } from './support/metrics.ts';
import { endServers, type Server, startServer } from './support/server.ts';
import { until } from './support/until.ts';

describe('the change feed', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(endServers);

  it('lists changes in order and in pages, those of one’s own workspace alone', async () => {
    const { admin, id: workspace } = await newWorkspace(server);
    const other = await newWorkspace(server);
    const { id } = await admin.mint();
    await other.admin.mint();
    await admin.do('tokens.update', { id, body: { enabled: false } });
    await admin.do('tokens.update', { id, body: { enabled: true } });
    await admin.do('tokens.rotate', { id });
    await admin.do('tokens.revoke', { id });
    const { items, latest } = await admin.do('changes.list');
    expect(items.slice(2).map(({ kind, id: of }) => [kind, of])).toEqual([
      ['token.created', id],
      ['token.disabled', id],
      ['token.enabled', id],
      ['token.rotated', id],
      ['token.revoked', id],
    ]);
    expect(items[0]).toMatchObject({ kind: 'workspace.created', id: workspace });
    expect(latest).toBeGreaterThanOrEqual(items.at(-1)?.seq ?? Number.POSITIVE_INFINITY);
    const seqs: number[] = [];
    for (let since = 0; ; ) {
      const page = await admin.do('changes.list', { query: { since, limit: 2 } });
      if (page.items.length === 0) break;
      seqs.push(...page.items.map(({ seq }) => seq));
      since = page.items.at(-1)?.seq ?? 0;
    }
    expect(seqs).toEqual(items.map(({ seq }) => seq));
    expect([...seqs].sort((a, b) => a - b)).toEqual(seqs);
  });

  it('streams changes as they happen, and resumes after the last one that was heard', async () => {
    const { admin } = await newWorkspace(server);
    const other = await newWorkspace(server);
    const first = await follow(server, admin.token);
    expect([first.status, first.contentType]).toEqual([200, 'text/event-stream']);
    await other.admin.mint();
    const one = await admin.mint();
    const heard = await first.next();
    expect(heard).toMatchObject({ event: 'token.created', data: { kind: 'token.created', id: one.id } });
    expect(heard?.id).toBe(String(heard?.data.seq));
    expect(await metric(server, 'tessera_change_streams')).toBe(1);
    await first.leave();
    await until(
      () => metric(server, 'tessera_change_streams'),
      (open) => open === 0,
    );
    const two = await admin.mint();
    await admin.do('tokens.revoke', { id: one.id });
    const second = await follow(server, admin.token, { lastEventId: heard?.id ?? '' });
    expect(await second.next()).toMatchObject({ event: 'token.created', data: { id: two.id } });
    expect(await second.next()).toMatchObject({ event: 'token.revoked', data: { id: one.id } });
    const three = await admin.mint();
    expect(await second.next()).toMatchObject({ event: 'token.created', data: { id: three.id } });
    await second.leave();
    const whole = await follow(server, admin.token, { since: 0 });
    expect(await whole.next()).toMatchObject({ event: 'workspace.created' });
    await whole.leave();
  });

  /** Resolves when the server ends the stream. */
  const over = async (stream: Following): Promise<void> => {
    while ((await stream.next()) !== undefined);
  };

  it('ends the stream of a token that is revoked, disabled or expires', async () => {
    const { admin, root } = await newWorkspace(server);
    const mint = (expiresIn = 3600) => root.mint({ api: 'tessera', scopes: ['changes:read'], expiresIn });
    const open = async (token: string): Promise<Following> => {
      const stream = await follow(server, token);
      expect(stream.status).toBe(200);
      return stream;
    };
    const revoked = await mint();
    const ending = await open(revoked.token);
    await admin.do('tokens.revoke', { id: revoked.id });
    await over(ending);
    const disabled = await mint();
    const silenced = await open(disabled.token);
    await admin.do('tokens.update', { id: disabled.id, body: { enabled: false } });
    await over(silenced);
    // Expiry is no change: the next heartbeat finds it. A busy machine may be too late to open one.
    const brief = await until(
      async () => follow(server, (await mint(1)).token),
      ({ status }) => status === 200,
    );
    await over(brief);
  });

  it('ends for a whole workspace that is suspended', async () => {
    const { id, root, admin } = await newWorkspace(server);
    const stream = await follow(server, admin.token);
    expect(stream.status).toBe(200);
    await root.do('workspaces.update', { id, body: { enabled: false } });
    await over(stream);
  });

  it('is refused without its scope, also as a stream', async () => {
    const { scoped } = await newWorkspace(server);
    const narrow = await scoped('tokens:read');
    const answer = await narrow.ask('changes.list', { headers: { Accept: 'text/event-stream' } });
    expect(problemOf(answer)).toMatchObject({ status: 403, code: 'insufficient_scope' });
  });
});

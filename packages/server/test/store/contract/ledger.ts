/** The change feed and the audit chain: no gap, in the order of commits, in the transaction of what they tell. */
import { expect, test } from 'vitest';
import { proveChain } from '../../../src/core/audit-chain.ts';
import type { AuditEntry, Change } from '../../../src/core/model.ts';
import type { Store } from '../../../src/core/store-port.ts';
import type { Stores } from '../contract.ts';
import { AWKWARD, anEntry, aTenant, mint, NOW, sealKey, type Tenant, times } from '../support/fixtures.ts';

const trust = { key: sealKey, checkpoint: undefined };

export function ledger(stores: () => Stores): void {
  test('changes of two nodes at once: contiguous, and each node hears its own in order, before its callers do', async () => {
    const { one, two } = stores();
    const tenant = await aTenant(one);
    const since = await one.latestChange();
    const heard = new Map<Store, Change[]>([one, two].map((store) => [store, []]));
    for (const [store, own] of heard) store.onCommit((changes) => own.push(...changes));
    const ids = await Promise.all(
      times(50, async (index) => {
        const store = index % 2 === 0 ? one : two;
        const [token] = await store.write((tx) => mint(tx, tenant));
        expect(heard.get(store)?.map(({ id }) => id)).toContain(token.id);
        return token.id;
      }),
    );
    const changes = await two.changes({ workspace: tenant.workspace.id, since, limit: 1000 });
    expect(changes.map(({ seq }) => seq)).toEqual(times(50, (index) => since + 1 + index));
    expect(changes.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await one.latestChange()).toBe(since + 50);
    for (const own of heard.values()) expect(own).toEqual(changes.filter(({ id }) => own.some((c) => c.id === id)));
    expect([...heard.values()].flat()).toHaveLength(50);
  });

  test('a unit that changes nothing and tells somebody so says how far the feed was that it saw', async () => {
    const { one, two } = stores();
    const tenant = await aTenant(one);
    await one.write((tx) => mint(tx, tenant));
    const heard: unknown[] = [];
    two.onCommit((changes, seen) => heard.push([changes.length, seen]));
    await two.write(async (tx) => tx.tells());
    await two.write(async () => undefined);
    expect(heard).toEqual([[0, await one.latestChange()]]);
    await two.write(async (tx) => {
      tx.tells();
      await mint(tx, tenant);
    });
    expect(heard.slice(1)).toEqual([[1, undefined]]);
  });

  test('the changes of one unit keep their order and their time', async () => {
    const { one } = stores();
    const { workspace } = await aTenant(one);
    const since = await one.latestChange();
    const kinds = ['token.created', 'owner.updated', 'token.revoked'] as const;
    await one.write(async (tx) => {
      for (const kind of kinds) tx.changed({ workspace: workspace.id, kind, id: `id of ${kind}` });
    });
    expect(await one.changes({ workspace: undefined, since, limit: 10 })).toEqual(
      kinds.map((kind, index) => ({
        seq: since + 1 + index,
        at: NOW,
        workspace: workspace.id,
        kind,
        id: `id of ${kind}`,
      })),
    );
  });

  test('changes by workspace, from a place on, so many at once', async () => {
    const { one, two } = stores();
    const [mine, other] = [await aTenant(one), await aTenant(one)];
    for (const tenant of [mine, other, mine, mine]) await one.write((tx) => mint(tx, tenant));
    const feed = await two.changes({ workspace: mine.workspace.id, since: 0, limit: 2 });
    expect(feed).toHaveLength(2);
    const rest = await two.changes({ workspace: mine.workspace.id, since: feed[1]?.seq ?? 0, limit: 2 });
    expect(rest).toHaveLength(1);
    for (const change of [...feed, ...rest]) expect(change.workspace).toBe(mine.workspace.id);
  });

  test('a listener that throws breaks neither the write nor the other listeners', async () => {
    const { one } = stores();
    const tenant = await aTenant(one);
    let broken = true;
    const heard: Change[] = [];
    one.onCommit(() => {
      if (broken) throw new Error('a listener failed');
    });
    one.onCommit((changes) => heard.push(...changes));
    const [token] = await one.write((tx) => mint(tx, tenant));
    broken = false;
    expect(heard).toEqual([expect.objectContaining({ id: token.id })]);
  });

  test('audit chains of several workspaces, written by two nodes at once, hold', async () => {
    const { one, two } = stores();
    const tenants = [await aTenant(one), await aTenant(one), await aTenant(one)];
    await Promise.all(
      times(50, (index) => {
        const tenant = tenants[index % tenants.length] ?? tenants[0];
        if (tenant === undefined) throw new Error('no tenant');
        return (index % 2 === 0 ? one : two).write((tx) => mint(tx, tenant));
      }),
    );
    for (const [index, { workspace }] of tenants.entries()) {
      const records = index < 2 ? 17 : 16;
      expect(await proveChain(two, workspace.id, trust)).toEqual({ ok: true, records });
      expect((await one.auditHead(workspace.id))?.seq).toBe(records);
    }
  });

  test('a record comes back exactly, and is found by action and by target', async () => {
    const { one, two } = stores();
    const { workspace } = await aTenant(one);
    const full: AuditEntry = anEntry(workspace.id, {
      at: NOW - 1,
      actor: { token: 'tok_a', owner: 'own_a', kind: 'token' },
      action: 'token.revoke',
      target: { type: 'token', id: 'tok_b' },
      outcome: 'denied',
      requestId: 'req_1',
      address: '2001:db8::1',
      details: { reason: AWKWARD, nested: { list: [1, null, true, 1.5e300] } },
    });
    await one.write(async (tx) => {
      tx.record(full);
      tx.record(anEntry(workspace.id));
    });
    const read = (filter: object) => two.audit(workspace.id, { after: 0, limit: 10, ...filter });
    const [first, second] = await read({});
    expect(first).toEqual({ ...full, seq: 1, previous: '0'.repeat(64), hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(second).toMatchObject({ seq: 2, previous: first?.hash });
    expect(await read({ after: 1 })).toEqual([second]);
    expect(await read({ limit: 1 })).toEqual([first]);
    expect(await read({ action: 'token.revoke' })).toEqual([first]);
    expect(await read({ target: 'tok_b' })).toEqual([first]);
    expect(await read({ action: 'token.create', target: 'tok_b' })).toEqual([]);
    expect(await proveChain(two, workspace.id, trust)).toEqual({ ok: true, records: 2 });
  });

  test('what cannot be recorded does not happen, and what comes later does', async () => {
    const { one } = stores();
    const tenant = await aTenant(one);
    const unrecordable = 1n as unknown as string;
    const results = await Promise.allSettled([
      one.write(async (tx) => {
        await mint(tx, tenant);
        tx.record(anEntry(tenant.workspace.id, { details: { unrecordable } }));
      }),
      one.write((tx) => mint(tx, tenant)),
    ]);
    // They shared a commit, so both are refused: a batch with a record missing must not exist.
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await one.tokens(tenant.workspace.id, { now: NOW }, { limit: 1, before: undefined })).toEqual([]);
    await one.write((tx) => mint(tx, tenant));
    expect(await proveChain(one, tenant.workspace.id, trust)).toEqual({ ok: true, records: 1 });
  });

  test('more records and changes in one unit than one statement takes', async () => {
    const { one } = stores();
    const { workspace } = await aTenant(one);
    const since = await one.latestChange();
    await one.write(async (tx) => {
      for (let index = 0; index < 301; index += 1) {
        tx.record(anEntry(workspace.id, { details: { index } }));
        tx.changed({ workspace: workspace.id, kind: 'token.created', id: `${index}` });
      }
    });
    expect(await proveChain(one, workspace.id, trust)).toEqual({ ok: true, records: 301 });
    const changes = await one.changes({ workspace: workspace.id, since, limit: 1000 });
    expect(changes.map(({ id }) => id)).toEqual(times(301, String));
  });

  test('nodes are told from each store as they reported last, until they are dropped or lapse', async () => {
    const { one, two } = stores();
    const before = await one.nodes();
    await one.write((tx) => tx.putNode({ id: 'node_a', seq: 1, liveMs: 60_000 }));
    await two.write((tx) => tx.putNode({ id: 'node_b', seq: 5, liveMs: 60_000 }));
    await one.writeAside((tx) => tx.putNode({ id: 'node_a', seq: 3, liveMs: 60_000 }));
    // As one that was alive until now.
    await two.write((tx) => tx.putNode({ id: 'node_c', seq: 9, liveMs: 0 }));
    const alive = [
      { id: 'node_a', seq: 3 },
      { id: 'node_b', seq: 5 },
    ];
    expect(await one.nodes()).toEqual([...before, ...alive]);
    expect(await two.nodes()).toEqual(await one.nodes());
    await one.write((tx) => tx.dropNode('node_b'));
    await one.write((tx) => tx.dropNode('node_b'));
    expect(await two.nodes()).toEqual([...before, { id: 'node_a', seq: 3 }]);
  });

  test('verifiers are counted from each store, those of one workspace, until they lapse, and no more than may be', async () => {
    const { one, two } = stores();
    const [mine, other] = [await aTenant(one), await aTenant(one)];
    const workspace = mine.workspace.id;
    const report = (verifier: string, seq: number, token = 'tok_a') => ({ workspace, token, verifier, seq });
    const put = (store: Store, reports: readonly ReturnType<typeof report>[], liveMs = 60_000, most = 4) =>
      store.writeAside((tx) => tx.putVerifiers({ reports, liveMs, most }));
    expect(await two.countVerifiers(workspace, 0)).toEqual({ total: 0, confirmed: 0 });
    await put(one, [report('vrf_1', 5), report('vrf_2', 7)]);
    // The same name under another token is another verifier.
    await put(two, [report('vrf_1', 9, 'tok_b'), { ...report('vrf_3', 9), workspace: other.workspace.id }]);
    expect(await two.countVerifiers(workspace, 7)).toEqual({ total: 3, confirmed: 2 });
    expect(await one.countVerifiers(workspace, 10)).toEqual({ total: 3, confirmed: 0 });
    expect(await one.countVerifiers(other.workspace.id, 9)).toEqual({ total: 1, confirmed: 1 });
    // Two more than there is room for one of; who is known moves on all the same.
    await put(one, [report('vrf_4', 9), report('vrf_5', 9), report('vrf_1', 9)]);
    expect(await two.countVerifiers(workspace, 9)).toEqual({ total: 4, confirmed: 3 });
    // As some that were there until now; they make room for others.
    await put(two, [report('vrf_1', 9), report('vrf_2', 9)], 0);
    expect(await one.countVerifiers(workspace, 0)).toEqual({ total: 2, confirmed: 2 });
    await put(one, [report('vrf_6', 0), report('vrf_7', 0)]);
    expect(await one.countVerifiers(workspace, 0)).toEqual({ total: 4, confirmed: 4 });
  });

  test('a verifier that said goodbye counts no more, though another node writes later what it was told before; nobody else goes', async () => {
    const { one, two } = stores();
    const [mine, other] = [await aTenant(one), await aTenant(one)];
    const workspace = mine.workspace.id;
    const who = { workspace, token: 'tok_a', verifier: 'vrf_1' };
    const others = [
      { ...who, verifier: 'vrf_2' },
      { ...who, token: 'tok_b' },
      { ...who, workspace: other.workspace.id },
    ];
    const put = (store: Store, reports: readonly (typeof who)[], seq: number) =>
      store.writeAside((tx) =>
        tx.putVerifiers({ reports: reports.map((report) => ({ ...report, seq })), liveMs: 60_000, most: 100 }),
      );
    const drop = (store: Store, gone: typeof who) => store.writeAside((tx) => tx.dropVerifier(gone));
    await put(one, [who, ...others], 5);
    await drop(two, who);
    await drop(one, { ...who, verifier: 'vrf_9' });
    expect(await one.countVerifiers(workspace, 5)).toEqual({ total: 2, confirmed: 2 });
    await put(one, [who], 6);
    expect(await two.countVerifiers(workspace, 0)).toEqual({ total: 2, confirmed: 2 });
    expect(await two.countVerifiers(other.workspace.id, 5)).toEqual({ total: 1, confirmed: 1 });
    await put(two, others, 6);
    expect(await one.countVerifiers(workspace, 6)).toEqual({ total: 2, confirmed: 2 });
  });

  test('a token with very many verifiers hides none of those of another token', async () => {
    const { one, two } = stores();
    const workspace = (await aTenant(one)).workspace.id;
    const put = (token: string, names: readonly string[], seq: number) =>
      one.writeAside((tx) =>
        tx.putVerifiers({
          reports: names.map((verifier) => ({ workspace, token, verifier, seq })),
          liveMs: 60_000,
          most: 300,
        }),
      );
    const named = (count: number, prefix = 'vrf_') => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    await put('tok_greedy', named(400), 9);
    expect(await two.countVerifiers(workspace, 9)).toEqual({ total: 300, confirmed: 300 });
    await put('tok_fleet', named(40), 5);
    expect(await two.countVerifiers(workspace, 9)).toEqual({ total: 300, confirmed: 260 });
    await put('tok_greedy', named(400, 'vrf_other_'), 9);
    expect(await two.countVerifiers(workspace, 9)).toEqual({ total: 300, confirmed: 260 });
    // Those that said goodbye make room for whoever comes.
    for (let index = 0; index < 40; index += 1)
      await one.writeAside((tx) => tx.dropVerifier({ workspace, token: 'tok_fleet', verifier: `vrf_${index}` }));
    await put('tok_fleet', named(40, 'vrf_new_'), 5);
    expect(await two.countVerifiers(workspace, 9)).toEqual({ total: 300, confirmed: 260 });
  });

  test('the newest change of a workspace up to a position', async () => {
    const { one, two } = stores();
    const [mine, other] = [await aTenant(one), await aTenant(one)];
    const before = await one.latestChange();
    const changed = (tenant: Tenant) =>
      one.write(async (tx) => tx.changed({ workspace: tenant.workspace.id, kind: 'token.revoked', id: 'tok_1' }));
    expect(await two.latestChangeUpTo(mine.workspace.id, before + 100)).toBe(0);
    await changed(mine);
    await changed(other);
    await changed(mine);
    const upTo = (seq: number): Promise<number> => two.latestChangeUpTo(mine.workspace.id, before + seq);
    expect([await upTo(0), await upTo(1), await upTo(2), await upTo(3), await upTo(9)]).toEqual([
      0,
      before + 1,
      before + 1,
      before + 3,
      before + 3,
    ]);
  });

  test('tokens and secrets are told apart by workspace, a thousand at once', async () => {
    const { one, two } = stores();
    const [mine, other] = [await aTenant(one), await aTenant(one)];
    const [token, secret] = await one.write((tx) => mint(tx, mine));
    const [theirs, theirSecret] = await one.write((tx) => mint(tx, other));
    const workspace = mine.workspace.id;
    const ids = [token.id, theirs.id, ...times(998, (index) => `tok_${index}`)];
    expect(await two.tokensAmong(workspace, [...ids, token.id])).toEqual([token.id]);
    expect(await two.tokensAmong(workspace, [])).toEqual([]);
    const unknown = times(998, (index) => Uint8Array.of(index >> 8, index & 255, ...new Uint8Array(30)));
    expect(await two.secretsAmong(workspace, [secret.digest, theirSecret.digest, ...unknown])).toEqual([
      { digest: secret.digest, token: token.id, state: 'active' },
    ]);
    expect(await two.secretsAmong(workspace, [])).toEqual([]);
  });
}

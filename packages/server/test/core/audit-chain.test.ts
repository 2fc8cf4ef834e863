/** No record of the audit log is edited, dropped, added, moved or cut without being found, and the first bad one is named. */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { auditSeal, type ChainProof, type Checkpoint, proveChain } from '../../src/core/audit-chain.ts';
import { createRole } from '../../src/core/roles.ts';
import { aPlatform, auditKey, NOW, type Platform } from './support/platform.ts';

const CHANGES = 8;
/** Two records of the first start, then one for each change. */
const RECORDS = CHANGES + 2;

async function aLog(): Promise<Platform> {
  const platform = await aPlatform();
  await changes(platform, CHANGES);
  return platform;
}

async function changes({ as, root }: Platform, count: number): Promise<void> {
  for (let made = 0; made < count; made += 1)
    await as(root, (tx, call) =>
      createRole(tx, call, { name: `role ${crypto.randomUUID()}`, scopes: ['orders:read'] }),
    );
}

function prove({ store, workspace }: Platform, checkpoint?: Checkpoint): Promise<ChainProof> {
  return proveChain(store, workspace, { key: auditKey, checkpoint, first: 'workspace.create' });
}

test('an untouched log is proved, with and without a checkpoint', async () => {
  const platform = await aLog();
  expect(await prove(platform)).toEqual({ ok: true, records: RECORDS });
  const head = await platform.store.auditHead(platform.workspace);
  await changes(platform, 3);
  expect(await prove(platform, head)).toEqual({ ok: true, records: RECORDS + 3 });
});

test('many proofs at once read one page at a time: nobody else waits longer for them than for one', async () => {
  const { store, workspace } = await aLog();
  const pages = { open: 0, most: 0, read: 0 };
  const reader: Parameters<typeof proveChain>[0] = {
    ...store,
    async audit(of, asked) {
      const isPage = asked.limit > 1;
      pages.open += isPage ? 1 : 0;
      pages.read += isPage ? 1 : 0;
      pages.most = Math.max(pages.most, pages.open);
      await turnOfTheLoop();
      const records = await store.audit(of, asked);
      pages.open -= isPage ? 1 : 0;
      return records;
    },
  };
  const trust = { key: auditKey, checkpoint: undefined };
  const proofs = await Promise.all(Array.from({ length: 10 }, () => proveChain(reader, workspace, trust)));
  expect(proofs).toEqual(proofs.map(() => ({ ok: true, records: RECORDS })));
  expect(pages).toEqual({ open: 0, most: 1, read: 10 });
});

describe('found, and named', () => {
  const columns = [
    ['at = at + 1', 'the record was changed'],
    ["actor_token = 'tok_other'", 'the record was changed'],
    ["actor_kind = 'system'", 'the record was changed'],
    ["action = 'role.delete'", 'the record was changed'],
    ["target_id = 'role_other'", 'the record was changed'],
    ['target_type = null', 'the record was changed'],
    ["outcome = 'denied'", 'the record was changed'],
    ['request_id = null', 'the record was changed'],
    ["address = '192.0.2.2'", 'the record was changed'],
    ["details = replace(details, 'orders:read', 'orders:writ')", 'the record was changed'],
    ['details = substr(details, 2)', 'the record was changed'],
    ["details = 'null'", 'the record was changed'],
    ['at = 9e15', 'the record was changed'],
    [`previous = '${'f'.repeat(64)}'`, 'the record does not continue the one before'],
    [`hash = '${'f'.repeat(64)}'`, 'the record was changed'],
  ];
  test.each(columns)('an edit: %s', async (edit, reason) => {
    const platform = await aLog();
    platform.tamper(`update audit set ${edit} where seq = 5`);
    expect(await prove(platform)).toEqual({ ok: false, records: 4, firstBad: 5, reason });
  });

  test.each([
    ['deletion', 'delete from audit where seq = 5', 5, 'a record is missing'],
    [
      'swap',
      `update audit set seq = -5 where seq = 5; update audit set seq = 5 where seq = 6; update audit set seq = 6 where seq = -5`,
      5,
      'the record does not continue the one before',
    ],
    [
      'insertion',
      `update audit set seq = -seq where seq > 5; update audit set seq = 1 - seq where seq < 0;
       insert into audit select workspace, 6, at, actor_token, actor_owner, actor_kind, action, target_type, target_id, outcome,
         request_id, address, details, previous, hash from audit where seq = 5`,
      6,
      'the record does not continue the one before',
    ],
    ['cut', 'delete from audit where seq > 7', 8, 'records at the end are missing'],
    ['cut of everything', 'delete from audit', 1, 'records at the end are missing'],
    ['cut with its head', 'delete from audit; delete from audit_heads', 1, 'the head is missing'],
    ['head that was moved back', 'update audit_heads set seq = 7', 7, 'the head was changed'],
    [
      'cut with a head that was moved back',
      'delete from audit where seq > 7; update audit_heads set seq = 7',
      7,
      'the head was changed',
    ],
    ['head that was moved on', 'update audit_heads set seq = 99', RECORDS + 1, 'records at the end are missing'],
  ])('%s', async (_, sql, firstBad, reason) => {
    const platform = await aLog();
    platform.tamper(sql);
    expect(await prove(platform)).toEqual({ ok: false, records: expect.any(Number), firstBad, reason });
  });

  test('a record that was added at the end with a hash that fits', async () => {
    const platform = await aLog();
    await append(platform);
    expect(await prove(platform)).toMatchObject({
      ok: false,
      firstBad: RECORDS + 1,
      reason: 'the record is beyond the head',
    });
  });

  test('an edit stays found when the platform goes on writing', async () => {
    const platform = await aLog();
    const record = await last(platform);
    // The intruder knows how to hash, and rewrites the record and the head, but cannot authenticate it.
    const forged = auditSeal(auditKey).record({ ...record, action: 'role.delete' }, record.seq, record.previous);
    platform.tamper(`update audit set action = 'role.delete', hash = '${forged.hash}' where seq = ${RECORDS};
      update audit_heads set hash = '${forged.hash}'`);
    expect(await prove(platform)).toMatchObject({ ok: false, reason: 'the head was changed' });
    await changes(platform, 3);
    expect(await prove(platform)).toEqual({
      ok: false,
      records: RECORDS + 3,
      firstBad: RECORDS + 3,
      reason: 'the head was changed',
    });
  });

  test('a last record that was rewritten with a hash that fits, its head left alone', async () => {
    const platform = await aLog();
    const record = await last(platform);
    const forged = auditSeal(auditKey).record({ ...record, action: 'role.delete' }, record.seq, record.previous);
    platform.tamper(`update audit set action = 'role.delete', hash = '${forged.hash}' where seq = ${RECORDS}`);
    expect(await prove(platform)).toEqual({
      ok: false,
      records: RECORDS,
      firstBad: RECORDS,
      reason: 'the record is not the one that the head names',
    });
  });

  test('a log that was begun anew', async () => {
    const platform = await aLog();
    platform.tamper('delete from audit; delete from audit_heads');
    await changes(platform, 2);
    expect(await prove(platform)).toEqual({ ok: false, records: 0, firstBad: 1, reason: 'the log was begun anew' });
  });

  test('a cut with an older, authentic head: only by a checkpoint, and by that surely', async () => {
    const platform = await aLog();
    const old = await platform.store.auditHead(platform.workspace);
    await changes(platform, 4);
    const checkpoint = await platform.store.auditHead(platform.workspace);
    platform.tamper(`delete from audit where seq > ${RECORDS};
      update audit_heads set seq = ${old?.seq}, hash = '${old?.hash}', mac = '${old?.mac}'`);
    expect(await prove(platform)).toEqual({ ok: true, records: RECORDS });
    expect(await prove(platform, checkpoint)).toMatchObject({
      ok: false,
      firstBad: RECORDS + 1,
      reason: 'the chain ends before the checkpoint',
    });
    await changes(platform, 5);
    expect(await prove(platform, checkpoint)).toMatchObject({
      ok: false,
      firstBad: RECORDS + 4,
      reason: 'the record is not the one of the checkpoint',
    });
  });

  test('a proof with another key', async () => {
    const { store, workspace } = await aLog();
    const trust = { key: new Uint8Array(32), checkpoint: undefined };
    expect(await proveChain(store, workspace, trust)).toMatchObject({ ok: false, reason: 'the head was changed' });
  });

  test('the head of another workspace', async () => {
    const platform = await aLog();
    const head = auditSeal(auditKey).head({ ...(await last(platform)), workspace: 'ws_other' }, undefined);
    platform.tamper(`update audit_heads set mac = '${head.mac}'`);
    expect(await prove(platform)).toMatchObject({ ok: false, reason: 'the head was changed' });
  });
});

test('a log that grows while it is proved is no bad log', async () => {
  const platform = await aLog();
  let writing = true;
  const writer = (async () => {
    while (writing) await changes(platform, 1);
  })();
  for (let proofs = 0; proofs < 20; proofs += 1) expect(await prove(platform)).toMatchObject({ ok: true });
  writing = false;
  await writer;
});

test('a long log is proved in pieces that let others in between', async () => {
  const platform = await aPlatform();
  const entry = { ...(await last(platform)), details: {} };
  await platform.store.write(async (tx) => {
    for (let index = 0; index < 2000; index += 1) tx.record({ ...entry, at: NOW });
  });
  let turns = 0;
  let proving = true;
  const others = (async () => {
    while (proving) {
      await turnOfTheLoop();
      turns += 1;
    }
  })();
  expect(await prove(platform)).toEqual({ ok: true, records: 2002 });
  proving = false;
  await others;
  expect(turns).toBeGreaterThanOrEqual(8);
});

async function last({ store, workspace }: Platform) {
  const seq = (await store.auditHead(workspace))?.seq ?? 0;
  const [record] = await store.audit(workspace, { after: seq - 1, limit: 1 });
  if (record === undefined) throw new Error('the log is empty');
  return record;
}

/** Adds a copy of the last record behind it, with the hash that fits, and leaves the head alone. */
async function append(platform: Platform): Promise<{ readonly seq: number }> {
  const record = await last(platform);
  const next = auditSeal(auditKey).record(record, record.seq + 1, record.hash);
  platform.tamper(`insert into audit select workspace, ${next.seq}, at, actor_token, actor_owner, actor_kind, action, target_type, target_id,
    outcome, request_id, address, details, '${next.previous}', '${next.hash}' from audit where seq = ${record.seq}`);
  return { seq: next.seq };
}

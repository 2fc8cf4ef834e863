/** Only who has the master key opens a store; the key can be replaced at any time, by any node, and nothing is lost. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { auditSeal } from '../../../src/core/audit-chain.ts';
import { type Custody, openCustody } from '../../../src/core/custody/custody.ts';
import { masterKeyEncryption } from '../../../src/core/custody/key-encryption.ts';
import type { Place } from '../../../src/core/custody/place.ts';
import { type Replacement, replaceMasterKey } from '../../../src/core/custody/replace-master-key.ts';
import type { BrokenSeal } from '../../../src/core/custody/sealed-value.ts';
import { keyCheck } from '../../../src/core/key-check.ts';
import type { Store } from '../../../src/core/store-port.ts';
import { openStore } from '../../../src/store/open.ts';
import { NOW, refusalOf } from '../support/platform.ts';

const [first, second, third] = [randomBytes(32), randomBytes(32), randomBytes(32)] as const;
const place: Place = { workspace: 'ws_1', table: 'keys', column: 'private', row: 'key_1' };
const plain = new TextEncoder().encode('the private key');
const WRONG = 'the master key is not the one this store was made with';

interface Kept {
  readonly store: Store;
  /** Starts with these master keys, of which the first is its own. */
  start(...masters: readonly Uint8Array[]): Promise<Custody & { readonly replacement: Replacement }>;
  readonly broken: BrokenSeal[];
  tamper(sql: string): void;
}

async function aStore(): Promise<Kept> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-custody-'));
  const clock = { now: () => NOW };
  const store = await openStore({ url: undefined, dataFolder: folder, seal: auditSeal(randomBytes(32)), clock });
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  const broken: BrokenSeal[] = [];
  return {
    store,
    broken,
    async start(...masters) {
      const [current = masterKeyEncryption(first), ...others] = masters.map(masterKeyEncryption);
      const onBroken = (error: BrokenSeal): void => void broken.push(error);
      const onWait = (): void => undefined;
      const options = { current, others, masters, mayFound: true, onWait, onBroken, now: clock.now };
      const custody = await openCustody(store, options);
      return { ...custody, replacement: await replaceMasterKey(store, custody, options) };
    },
    tamper(sql) {
      const database = new DatabaseSync(join(folder, 'tessera.db'));
      database.exec(sql);
      database.close();
    },
  };
}

test('ten first starts at once make one root secret, and every later start finds it', async () => {
  const kept = await aStore();
  const roots = await Promise.all(Array.from({ length: 10 }, async () => (await kept.start(first)).root));
  expect(new Set(roots.map((root) => Buffer.from(root).toString('hex'))).size).toBe(1);
  expect((await kept.start(first)).root).toEqual(roots[0]);
  expect(await kept.store.dataKeys()).toHaveLength(1);
});

test('with another master key nothing starts', async () => {
  const kept = await aStore();
  await kept.start(first);
  expect(await refusalOf(kept.start(second))).toBe(WRONG);
});

test('a store that is older than data keys goes on with the keys that it derived from its master key', async () => {
  const kept = await aStore();
  await kept.store.write((tx) => tx.setMeta('key_check', keyCheck(first)));
  expect(await refusalOf(kept.start(second))).toBe(WRONG);
  expect((await kept.start(first)).root).toEqual(new Uint8Array(first));
  expect((await kept.start(second, first)).root).toEqual(new Uint8Array(first));
});

test('neither the root secret nor a data key is in the store in clear', async () => {
  const kept = await aStore();
  const { root } = await kept.start(first);
  const text = (await kept.store.meta('root_secret')) ?? '';
  expect(Buffer.from(text, 'base64url').includes(Buffer.from(root))).toBe(false);
  expect(Buffer.from(text, 'base64url').includes(first)).toBe(false);
});

describe('another master key', () => {
  test('takes over where the one before is at hand, and opens all that was sealed', async () => {
    const kept = await aStore();
    const before = await kept.start(first);
    const sealed = before.seal(place, plain);
    const after = await kept.start(second, first);
    expect(after.replacement).toBe('replaced');
    expect(after.root).toEqual(before.root);
    expect(await after.open(place, sealed)).toEqual(plain);
    const alone = await kept.start(second);
    expect(alone.replacement).toBe('same');
    expect(await alone.open(place, sealed)).toEqual(plain);
    expect(await refusalOf(kept.start(first))).toBe(WRONG);
  });

  test('is told of in the audit log by the names of both, and by nothing else', async () => {
    const kept = await aStore();
    await kept.start(first);
    await kept.store.write((tx) => tx.setMeta('default_workspace', 'ws_1'));
    await kept.start(second, first);
    const names = [first, second].map((master) => masterKeyEncryption(master).name);
    expect(await kept.store.audit('ws_1', { after: 0, limit: 10 })).toMatchObject([
      { action: 'master_key.replace', actor: { kind: 'system' }, details: { from: names[0], to: names[1] } },
    ]);
  });

  test('is followed by nodes that run: what one seals the other opens', async () => {
    const kept = await aStore();
    const running = await kept.start(first, second);
    const sealedBefore = running.seal(place, plain);
    const replacing = await kept.start(second, first);
    expect(await running.open(place, replacing.seal(place, plain))).toEqual(plain);
    expect(await replacing.open(place, running.seal(place, plain))).toEqual(plain);
    expect(await replacing.open(place, sealedBefore)).toEqual(plain);
  });

  test('never gives way to one that was replaced', async () => {
    const kept = await aStore();
    await kept.start(first);
    await kept.start(second, first);
    expect((await kept.start(first, second)).replacement).toBe('outdated');
    expect((await kept.start(third, second)).replacement).toBe('replaced');
    expect((await kept.start(first, third)).replacement).toBe('outdated');
    expect((await kept.start(third)).replacement).toBe('same');
  });

  test('is taken once by ten starts at once', async () => {
    const kept = await aStore();
    await kept.start(first);
    const starts = await Promise.all(Array.from({ length: 10 }, () => kept.start(second, first)));
    expect(starts.filter(({ replacement }) => replacement === 'replaced')).toHaveLength(1);
    expect(await kept.store.dataKeys()).toHaveLength(2);
  });
});

describe('a store that was changed', () => {
  test('does not start without its data keys, with changed ones, or with a changed root secret', async () => {
    const changes = [
      ['delete from data_keys', 'the sealed value at meta.value of root_secret was changed, or is from elsewhere'],
      ['update data_keys set wrapped = zeroblob(60)', 'cannot be decrypted'],
      ['update data_keys set wrapped = zeroblob(3)', 'cannot be decrypted'],
      ["update data_keys set id = 'dek_other'", 'cannot be decrypted'],
      ["update meta set value = 'AQ' where key = 'root_secret'", 'the sealed value at meta.value of root_secret'],
      [
        "update meta set value = substr(value, 1, 140) || 'AAAA' where key = 'root_secret'",
        'the sealed value at meta.value',
      ],
    ] as const;
    for (const [sql, why] of changes) {
      const kept = await aStore();
      await kept.start(first);
      kept.tamper(sql);
      expect(await refusalOf(kept.start(first)), sql).toContain(why);
    }
  });

  test('raises an alarm where a sealed value is not its own, and gives nothing away', async () => {
    const kept = await aStore();
    const custody = await kept.start(first);
    const sealed = custody.seal(place, plain);
    await expect(custody.open({ ...place, workspace: 'ws_2' }, sealed)).rejects.toThrow(
      'the sealed value at keys.private of key_1 in ws_2 was changed, or is from elsewhere',
    );
    await expect(custody.open(place, sealed.subarray(0, 90))).rejects.toThrow('was changed, or is from elsewhere');
    expect(kept.broken.map((error) => error.place.workspace)).toEqual(['ws_2', 'ws_1']);
  });
});

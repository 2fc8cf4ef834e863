/** The embedded store holds the contract, and keeps its files to itself. */
import { Buffer } from 'node:buffer';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digest as digestOf, generate } from '@tessera/token';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { type Database, storeContract } from './contract.ts';
import { crashes } from './crashes.ts';
import { aSecret, aTenant, aToken, clock, mint, seal, times } from './support/fixtures.ts';

async function createDatabase(): Promise<Database & { readonly folder: string }> {
  const parent = await mkdtemp(join(tmpdir(), 'tessera-sqlite-'));
  const folder = join(parent, 'data');
  return {
    folder,
    open: () => openStore({ url: undefined, dataFolder: folder, seal, clock }),
    drop: () => rm(parent, { recursive: true, force: true }),
  };
}

describe('sqlite', () => {
  storeContract(createDatabase);
  crashes(async () => {
    const { folder, drop } = await createDatabase();
    await mkdir(folder);
    onTestFinished(drop);
    return `sqlite:${join(folder, 'tessera.db')}`;
  });
});

describe('the files', () => {
  test('are for their owner only, log and index included', async () => {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const store = await database.open();
    await aTenant(store);
    expect((await stat(database.folder)).mode & 0o777).toBe(0o700);
    const files = await readdir(database.folder);
    expect(files.toSorted()).toEqual(['tessera.db', 'tessera.db-shm', 'tessera.db-wal']);
    for (const file of files) expect((await stat(join(database.folder, file))).mode & 0o777).toBe(0o600);
    await store.close();
    expect(await readdir(database.folder)).toEqual(['tessera.db']);
  });

  test('hold no text of a token, before and after the log is folded in', async () => {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const store = await database.open();
    const { workspace, api } = await aTenant(store);
    const texts = times(50, () => generate({ prefix: 'tsr', environment: 'live' }));
    const digests = await Promise.all(texts.map((text) => digestOf(text)));
    await store.write(async (tx) => {
      for (const digest of digests) {
        const token = aToken(workspace.id, api.id);
        await tx.insertToken(token, aSecret(token.id, { digest }));
      }
    });
    const held = async () => {
      const files = await readdir(database.folder);
      const bytes = await Promise.all(files.map((file) => readFile(join(database.folder, file))));
      const has = (needle: Uint8Array | string) =>
        bytes.some((content) => content.includes(typeof needle === 'string' ? needle : Buffer.from(needle)));
      return {
        texts: texts.filter((text) => has(text) || has(text.slice(9, 40))).length,
        digests: digests.filter(has).length,
      };
    };
    expect(await held()).toEqual({ texts: 0, digests: 50 });
    await store.close();
    expect(await held()).toEqual({ texts: 0, digests: 50 });
  });

  test('are found again at the place that the URL names', async () => {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const url = `sqlite:${join(database.folder, 'elsewhere', 'named.db')}`;
    const first = await openStore({ url, dataFolder: '/nonexistent', seal, clock });
    const tenant = await aTenant(first);
    const [token] = await first.write((tx) => mint(tx, tenant));
    await first.close();
    await expect(first.write(async () => undefined)).rejects.toThrow('the store is closed');
    const again = await openStore({ url, dataFolder: '/nonexistent', seal, clock });
    expect((await again.token(tenant.workspace.id, token.id))?.token).toEqual(token);
    await again.close();
  });

  test.each([
    ['sqlite::memory:', 'would forget every token'],
    ['sqlite:', 'must begin with sqlite: or postgres://'],
    ['mysql://user:hunter2@host/db', 'must begin with sqlite: or postgres://'],
  ])('%s is refused, and no password is repeated', async (url, words) => {
    const refusal = openStore({ url, dataFolder: '/nonexistent', seal, clock });
    await expect(refusal).rejects.toThrow(words);
    await expect(refusal).rejects.not.toThrow('hunter2');
  });
});

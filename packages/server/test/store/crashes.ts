/** What holds when processes start together, and when they are killed. Every store is held to it. */
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { proveChain } from '../../src/core/audit-chain.ts';
import { openStore } from '../../src/store/open.ts';
import { startChild } from './support/child.ts';
import { aTenant, clock, mint, NOW, seal, sealKey, times } from './support/fixtures.ts';

const KILLS = 3;
const ACKNOWLEDGED = 40;

/** `createUrl`: of a fresh database, which needs not exist yet where it is a file. */
export function crashes(createUrl: () => Promise<string>): void {
  const open = async (url: string) => {
    const store = await openStore({ url, dataFolder: '/nonexistent', seal, clock });
    onTestFinished(() => store.close());
    return store;
  };

  describe('kill -9', () => {
    test('of two processes that mint and revoke at once: nothing acknowledged is lost, nothing revoked comes back', async () => {
      const url = await createUrl();
      const store = await open(url);
      const tenant = await aTenant(store);
      const workspace = tenant.workspace.id;
      for (let kill = 0; kill < KILLS; kill += 1) {
        const children = times(2, () => startChild('mint-until-killed.ts', [url, workspace, tenant.api.id]));
        await Promise.all(children.map((child) => child.printed(ACKNOWLEDGED + kill)));
        await Promise.all(children.map((child) => child.kill()));
        const lines = children.flatMap((child) => child.lines);
        const again = await openStore({ url, dataFolder: '/nonexistent', seal, clock });
        const kept = new Map<string, string | null>();
        const page = { limit: 1_000_000, before: undefined };
        for (const { token, secrets } of await again.tokens(workspace, { now: NOW }, page))
          if (secrets.length === 1) kept.set(token.id, token.revokedReason);
        const lost = lines.filter((line) => {
          const [what, id = ''] = line.split(' ');
          return what === 'revoked' ? kept.get(id) !== 'test' : !kept.has(id);
        });
        expect(lost).toEqual([]);
        expect(await proveChain(again, workspace, { key: sealKey, checkpoint: undefined })).toMatchObject({
          ok: true,
        });
        const changes = await again.changes({ workspace: undefined, since: 0, limit: 1_000_000 });
        expect(changes.map(({ seq }) => seq)).toEqual(times(changes.length, (index) => index + 1));
        await again.close();
      }
      expect(await store.write((tx) => mint(tx, tenant))).toHaveLength(2);
    });
  });

  describe('migrations', () => {
    test('of four processes that start together on an empty database', async () => {
      const url = await createUrl();
      const children = times(4, () => startChild('open-once.ts', [url]));
      const ends = await Promise.all(children.map((child) => child.ended()));
      expect(ends).toEqual(times(4, () => ({ code: 0, errors: '' })));
      expect(await (await open(url)).latestChange()).toBe(0);
    });

    test('that fifty begin at once on an empty database are made once', async () => {
      const url = await createUrl();
      const stores = await Promise.all(times(50, () => openStore({ url, dataFolder: '/nonexistent', seal, clock })));
      const positions = await Promise.all(stores.map((store) => store.latestChange()));
      await Promise.all(stores.map((store) => store.close()));
      expect(positions).toEqual(times(50, () => 0));
    });

    test('that are killed half-way leave nothing, and the next start does them', async () => {
      const url = await createUrl();
      const child = startChild('migrate-half.ts', [url]);
      await child.printed(1);
      const waiting = openStore({ url, dataFolder: '/nonexistent', seal, clock });
      await child.kill();
      const store = await waiting;
      onTestFinished(() => store.close());
      const tenant = await aTenant(store);
      expect(await store.api(tenant.workspace.id, tenant.api.id)).toEqual(tenant.api);
    });

    test('of a newer version stop an older one', async () => {
      const url = await createUrl();
      await (await openStore({ url, dataFolder: '/nonexistent', seal, clock })).close();
      await forgeMigration(url, '9999-from-the-future');
      await expect(open(url)).rejects.toThrow('9999-from-the-future');
    });
  });
}

async function forgeMigration(url: string, name: string): Promise<void> {
  const insert = `insert into kysely_migration (name, timestamp) values ('${name}', '2999-01-01T00:00:00.000Z')`;
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.slice('sqlite:'.length));
    database.exec(insert);
    database.close();
    return;
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(insert);
  await client.end();
}

/** Mints and revokes without end, and prints each id as soon as its write is acknowledged. Arguments: URL, workspace, api. */
import { writeSync } from 'node:fs';
import { openStore } from '../../../src/store/open.ts';
import { anApi, aWorkspace, clock, mint, NOW, seal } from './fixtures.ts';

const CALLERS = 8;
const STDOUT = 1;

const [url, workspaceId = '', apiId = ''] = process.argv.slice(2);
const store = await openStore({ url, dataFolder: '/nonexistent', seal, clock });
const tenant = { workspace: aWorkspace({ id: workspaceId }), api: anApi(workspaceId, { id: apiId }) };

await Promise.all(
  Array.from({ length: CALLERS }, async () => {
    for (;;) {
      const [token] = await store.write((tx) => mint(tx, tenant));
      writeSync(STDOUT, `minted ${token.id}\n`);
      await store.write(async (tx) => {
        await tx.updateToken({ ...token, revokedAt: NOW, revokedReason: 'test' });
        tx.changed({ workspace: workspaceId, kind: 'token.revoked', id: token.id });
      });
      writeSync(STDOUT, `revoked ${token.id}\n`);
    }
  }),
);

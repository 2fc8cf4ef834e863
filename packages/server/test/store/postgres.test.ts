/** The store at scale holds the contract, on a real server. */
import { afterAll, beforeAll, describe } from 'vitest';
import { startPostgres, type TestPostgres } from '../../../../test/support/postgres.ts';
import { openStore } from '../../src/store/open.ts';
import { storeContract } from './contract.ts';
import { crashes } from './crashes.ts';
import { clock, seal } from './support/fixtures.ts';

describe('postgres', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());

  storeContract(async () => {
    const url = await server.createDatabase();
    return { open: () => openStore({ url, dataFolder: '/nonexistent', seal, clock }), drop: async () => undefined };
  });
  crashes(() => server.createDatabase());
});

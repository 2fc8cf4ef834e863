/** No operation of the management API answers whoever may not call it. Generated from the contract. */
import { afterAll, beforeAll, describe } from 'vitest';
import { guardedOperations } from './suites/guarded-operations.ts';
import { endServers, type Server, startServer } from './support/server.ts';

describe('every operation is guarded', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(endServers);
  guardedOperations(() => server);
});

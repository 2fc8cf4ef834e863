/** A request that is repeated happens once. */
import { afterAll, beforeAll, describe } from 'vitest';
import { idempotency } from './suites/idempotency.ts';
import { endServers, type Server, startServer } from './support/server.ts';

describe('idempotency', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(endServers);
  idempotency(() => server);
});

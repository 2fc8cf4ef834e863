/** A token does what its record says, from its mint to its end. */
import { afterAll, beforeAll, describe } from 'vitest';
import { tokenLifecycle } from './suites/token-lifecycle.ts';
import { endServers, type Server, startServer } from './support/server.ts';

describe('token lifecycle', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(endServers);
  tokenLifecycle(() => server);
});

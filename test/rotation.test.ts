/** Rotation replaces a secret without an outage. */
import { afterAll, beforeAll, describe } from 'vitest';
import { rotation } from './suites/rotation.ts';
import { endServers, type Server, startServer } from './support/server.ts';

describe('rotation', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(endServers);
  rotation(() => server);
});

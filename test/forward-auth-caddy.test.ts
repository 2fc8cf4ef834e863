/** A service behind the real Caddy, configured as examples/forward-auth/caddy says, is reached by those whom Tessera lets. */
import { afterAll, beforeAll } from 'vitest';
import { forwardAuth, keepsTheLine } from './suites/forward-auth.ts';
import { type Guarded, startGuarded } from './support/guarded.ts';
import { describeWith, endPrograms } from './support/program.ts';
import { endServers } from './support/server.ts';

describeWith(['caddy'], 'a service behind Caddy', () => {
  let guarded: Guarded;
  beforeAll(async () => {
    guarded = await startGuarded({
      example: 'caddy',
      program: 'caddy',
      listens: ':8080',
      args: (folder) => ['run', '--config', `${folder}/Caddyfile`],
    });
  });
  afterAll(async () => {
    await endPrograms();
    await endServers();
    await guarded.close();
  });
  forwardAuth(() => guarded);
  keepsTheLine(() => guarded);
});

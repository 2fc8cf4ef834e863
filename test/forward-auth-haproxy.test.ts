/** A service behind the real HAProxy, configured as examples/forward-auth/haproxy says, is reached by those whom Tessera lets. */
import { afterAll, beforeAll } from 'vitest';
import { forwardAuth, keepsTheLine } from './suites/forward-auth.ts';
import { type Guarded, startGuarded } from './support/guarded.ts';
import { describeWith } from './support/program.ts';
import { endServers } from './support/server.ts';

describeWith(['haproxy'], 'a service behind HAProxy', () => {
  let guarded: Guarded;
  beforeAll(async () => {
    guarded = await startGuarded({
      example: 'haproxy',
      program: 'haproxy',
      args: (folder) => ['-f', `${folder}/haproxy.cfg`],
    });
  });
  afterAll(async () => {
    await guarded.close();
    await endServers();
  });
  forwardAuth(() => guarded);
  keepsTheLine(() => guarded);
});

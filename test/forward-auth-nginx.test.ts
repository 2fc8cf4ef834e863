/** A service behind the real nginx, configured as examples/forward-auth/nginx says, is reached by those whom Tessera lets. */
import { afterAll, beforeAll } from 'vitest';
import { forwardAuth, keepsTheLine } from './suites/forward-auth.ts';
import { type Guarded, startGuarded } from './support/guarded.ts';
import { describeWith, endPrograms } from './support/program.ts';
import { endServers } from './support/server.ts';

describeWith(['nginx'], 'a service behind nginx', () => {
  let guarded: Guarded;
  beforeAll(async () => {
    guarded = await startGuarded({
      example: 'nginx',
      program: 'nginx',
      args: (folder) => ['-p', folder, '-c', `${folder}/nginx.conf`],
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

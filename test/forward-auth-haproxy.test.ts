/** A service behind the real HAProxy, configured as examples/forward-auth/haproxy says, is reached by those whom Tessera lets. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { forwardAuth, keepsTheLine } from './suites/forward-auth.ts';
import { type Guarded, startGuarded } from './support/guarded.ts';
import { describeWith, endPrograms } from './support/program.ts';
import { sendHttp2 } from './support/send-http2.ts';
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
    await endPrograms();
    await endServers();
    await guarded.close();
  });
  forwardAuth(() => guarded);
  keepsTheLine(() => guarded);

  it('is asked about over HTTP/2 as over HTTP/1.1', async () => {
    const { url, tokens, served } = guarded;
    const status = (path: string) =>
      sendHttp2(url, { ':path': path, ':authority': 'api.test', authorization: `Bearer ${tokens.reader}` });
    served();
    expect(await status('/orders/1?x=1')).toBe(200);
    expect(await status('/admin/users')).toBe(403);
    expect(await status('/public/../admin/users')).toBe(400);
    expect(served().map(({ target }) => target)).toEqual(['/orders/1?x=1']);
  });
});

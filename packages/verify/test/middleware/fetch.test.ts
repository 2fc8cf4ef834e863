/** Fetch and Hono: fields come joined, answers may be closed, and there may be no connection to ask. */
import fc from 'fast-check';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { presence, verifierOver } from '../../src/index.ts';
import { protect } from '../../src/middleware/fetch.ts';
import { protect as protectHono, type TesseraEnv } from '../../src/middleware/hono.ts';
import { portsOf, portsWith } from '../support/ports.ts';
import { OTHER_TOKEN, TOKEN } from '../support/tokens.ts';
import { observed } from './support/observed.ts';

const URL_OF = 'https://orders.test/orders';
const GOOD = { Authorization: `Bearer ${TOKEN}` };
const limits = [{ key: 'k', name: 'calls', limit: 9, windowSeconds: 60, burst: 9, cost: 1 }];

describe('fields that the platform joined', () => {
  const ours = [`Bearer ${TOKEN}`, `dpop ${OTHER_TOKEN}`, 'Bearer'];
  const others = ['Digest a="b", c=d', 'Basic eDp5', ''];
  /** What is found in what was sent, and in what the platform made of it. */
  const found = async (sent: readonly string[]) => {
    const seen = observed();
    const headers = new Headers();
    for (const value of sent) headers.append('Authorization', value);
    await protect(seen, {}, () => new Response())(new Request(URL_OF, { headers }));
    const { presented } = seen.last();
    return { joined: presence(presented), apart: presence({ ...presented, authorization: sent }) };
  };

  it('are as many credentials as were sent', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...ours), { maxLength: 4 }), async (sent) => {
        const { joined, apart } = await found(sent);
        expect(joined).toEqual(apart);
      }),
    );
  });

  it('beside those of other schemes they are that credential, or one that cannot be valid', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...ours, ...others), { maxLength: 4 }), async (sent) => {
        const { joined, apart } = await found(sent);
        // No token holds a comma: what cannot be told apart is malformed, and refused.
        if (joined.outcome === 'present' && !joined.credential.text.includes(',')) expect(joined).toEqual(apart);
      }),
      { numRuns: 1000 },
    );
  });

  it('hold no credential that was not one', async () => {
    const seen = observed();
    const handler = protect(seen, {}, () => new Response());
    await handler(new Request(URL_OF, { headers: { Authorization: 'Digest uri="x, bearer", a=b' } }));
    expect(presence(seen.last().presented).outcome).toBe('missing');
  });
});

describe('an answer of the handler', () => {
  const service = (make: () => Response | Promise<Response>) =>
    protect(verifierOver(portsWith({ limits })), {}, make)(new Request(URL_OF, { headers: GOOD }));

  it('that is closed tells of limits, too, and stays what it is', async () => {
    const answer = await service(() => Response.redirect('https://orders.test/other', 303));
    expect([answer.status, answer.headers.get('Location')]).toEqual([303, 'https://orders.test/other']);
    expect(answer.headers.get('RateLimit')).toBe('"calls";r=8;t=60');
  });

  it('keeps its body, its cookies and its status', async () => {
    const answer = await service(() => {
      const made = new Response('made', { status: 201, statusText: 'Made' });
      made.headers.append('Set-Cookie', 'a=1');
      made.headers.append('Set-Cookie', 'b=2');
      return made;
    });
    expect([answer.status, answer.statusText, await answer.text()]).toEqual([201, 'Made', 'made']);
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  it('without a body has none', async () => {
    expect((await service(() => new Response(null, { status: 204 }))).status).toBe(204);
    expect((await service(() => Response.error())).type).toBe('error');
  });

  it('that is an error is the platform’s to answer', async () => {
    await expect(service(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
  });
});

describe('the handler', () => {
  it('cannot change what later requests are judged by', async () => {
    const verifier = verifierOver(portsOf());
    const careless = protect(verifier, {}, (_request, { scopes, owner }) => {
      (scopes as string[]).push('orders:delete');
      (owner?.roles as string[] | undefined)?.push('boss');
      return new Response();
    });
    expect((await careless(new Request(URL_OF, { headers: GOOD }))).status).toBe(200);
    for (const asked of [{ scopes: ['orders:delete'] }, { roles: ['boss'] }]) {
      const answer = await protect(verifier, asked, () => new Response())(new Request(URL_OF, { headers: GOOD }));
      expect(answer.status).toBe(403);
    }
  });

  it('hears who calls and what the platform passes on', async () => {
    const handler = protect(verifierOver(portsOf()), {}, (_request, caller, env: { name: string }) =>
      Response.json([caller.id, env.name]),
    );
    const answer = await handler(new Request(URL_OF, { headers: GOOD }), { name: 'env' });
    expect(await answer.json()).toEqual(['tok_1', 'env']);
  });
});

describe('who the client is', () => {
  const byField = (headers: Headers): string | undefined => headers.get('CF-Connecting-IP') ?? undefined;

  it('is nobody known without a connection, and passes no address rule', async () => {
    const handler = protect(verifierOver(portsOf()), { ip: { deny: ['192.0.2.0/24'] } }, () => new Response());
    expect((await handler(new Request(URL_OF, { headers: GOOD }))).status).toBe(403);
  });

  it('is whom the service says', async () => {
    const seen = observed();
    const headers = { 'CF-Connecting-IP': '192.0.2.7', DPoP: 'p' };
    const options = { clientAddress: (request: Request) => byField(request.headers) };
    await protect(seen, options, () => new Response())(new Request(`${URL_OF}?a=b#c`, { headers }));
    expect(seen.last().circumstances).toMatchObject({ address: '192.0.2.7', url: URL_OF });
    await protect(
      seen,
      { ...options, origin: 'https://api.test' },
      () => new Response(),
    )(new Request(URL_OF, { headers }));
    expect(seen.last().circumstances.url).toBe('https://api.test/orders');
  });

  it('is so in Hono off Node as well', async () => {
    const seen = observed();
    const app = new Hono().use(protectHono(seen, { clientAddress: (c) => byField(c.req.raw.headers) }));
    await app.request(URL_OF, { headers: { 'CF-Connecting-IP': '192.0.2.7', DPoP: 'p' } });
    expect(seen.last().circumstances).toMatchObject({ address: '192.0.2.7', url: URL_OF });
  });
});

describe('hono', () => {
  it('protects a part of a service, and every route of it can ask for more', async () => {
    const verifier = verifierOver(portsWith({ limits }));
    const app = new Hono<TesseraEnv>();
    app.get('/open', (c) => c.text(String(c.get('tessera'))));
    app.get('/orders', protectHono(verifier, { scopes: ['orders:read'] }), (c) => c.text(c.get('tessera').id));
    app.delete('/orders', protectHono(verifier, { scopes: ['orders:delete'] }), (c) => c.text('deleted'));
    expect(await (await app.request('/open')).text()).toBe('undefined');
    expect(await (await app.request('/orders', { headers: GOOD })).text()).toBe('tok_1');
    expect((await app.request('/orders', { method: 'DELETE', headers: GOOD })).status).toBe(403);
    expect((await app.request('/orders')).status).toBe(401);
  });

  it('tells of limits also where the handler failed', async () => {
    const app = new Hono().use(protectHono(verifierOver(portsWith({ limits }))));
    app.get('/', () => {
      throw new Error('mine');
    });
    app.onError((error, c) => c.text(error.message, 500));
    const answer = await app.request('/', { headers: GOOD });
    expect([answer.status, await answer.text(), answer.headers.get('RateLimit')]).toEqual([
      500,
      'mine',
      '"calls";r=8;t=60',
    ]);
  });
});

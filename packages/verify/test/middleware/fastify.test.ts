/** Fastify: once registered, every route is protected, whenever it was declared; a route says what it asks, or that it is public. */
import Fastify, { type FastifyInstance } from 'fastify';
import { describe, expect, it } from 'vitest';
import { verifierOver } from '../../src/index.ts';
import { type RouteOptions, tessera } from '../../src/middleware/fastify.ts';
import { portsOf } from '../support/ports.ts';
import { TOKEN } from '../support/tokens.ts';
import { observed } from './support/observed.ts';

const verifier = verifierOver(portsOf());
const authorization = `Bearer ${TOKEN}`;

async function statusOf(app: FastifyInstance, url: string, withToken = false): Promise<number> {
  const { statusCode } = await app.inject({ url, headers: withToken ? { authorization } : {} });
  return statusCode;
}

describe('once it is registered', () => {
  it('no route is open by mistake', async () => {
    const app = Fastify();
    app.register(async (child) => {
      child.get('/child-before', async (request) => request.tessera?.id);
    });
    app.get('/before', async (request) => request.tessera?.id);
    app.register(tessera, { verifier });
    app.get('/after', async (request) => request.tessera?.id);
    app.register(async (child) => {
      child.get('/child-after', async (request) => request.tessera?.id);
    });
    for (const path of ['/before', '/child-before', '/after', '/child-after']) {
      expect([path, await statusOf(app, path)]).toEqual([path, 401]);
      expect([path, await statusOf(app, path, true)]).toEqual([path, 200]);
    }
    // Probing shows nothing.
    expect(await statusOf(app, '/nowhere')).toBe(401);
    expect(await statusOf(app, '/nowhere', true)).toBe(404);
  });

  it('protects no more than the part of the service that it is registered in', async () => {
    const app = Fastify();
    app.get('/open', async (request) => String(request.tessera));
    app.register(async (part) => {
      await part.register(tessera, { verifier });
      part.get('/closed', async () => 'ok');
    });
    expect(await statusOf(app, '/open')).toBe(200);
    expect(await statusOf(app, '/closed')).toBe(401);
  });
});

describe('a route', () => {
  const service = async (asked: RouteOptions | 'public', isDeclaredFirst = false): Promise<FastifyInstance> => {
    const app = Fastify();
    const declare = () =>
      app.get('/', { config: { tessera: asked } }, async (request) => ({ caller: request.tessera?.id ?? null }));
    if (isDeclaredFirst) declare();
    await app.register(tessera, { verifier, scopes: ['orders:read'] });
    if (!isDeclaredFirst) declare();
    return app;
  };

  it.each([false, true])('asks for more than all do; declared before the plugin: %s', async (isFirst) => {
    expect(await statusOf(await service({ scopes: ['orders:write'] }, isFirst), '/', true)).toBe(200);
    const app = await service({ scopes: ['orders:delete'] }, isFirst);
    const answer = await app.inject({ url: '/', headers: { authorization } });
    expect(answer.statusCode).toBe(403);
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", scope="orders:read orders:delete"',
    );
  });

  it('takes everybody where it says so, and knows nobody then', async () => {
    const app = await service('public');
    const answer = await app.inject({ url: '/', headers: { authorization } });
    expect(answer.json()).toEqual({ caller: null });
    expect(await statusOf(app, '/')).toBe(200);
  });

  const wrong = [
    { scope: ['orders:read'] },
    'Public',
    true,
    null,
    { environment: 'production' },
  ] as unknown as RouteOptions[];
  it.each(wrong)('that asks for what there is not stops the start: %o', async (asked) => {
    await expect(service(asked)).rejects.toThrow(TypeError);
  });

  it.each(wrong)('that does, and was declared before the plugin, lets nobody in: %o', async (asked) => {
    expect(await statusOf(await service(asked, true), '/', true)).toBe(500);
  });
});

describe('what is read', () => {
  it('is the request as it came, whatever it was rewritten to', async () => {
    const seen = observed();
    const app = Fastify({ rewriteUrl: () => '/other' });
    app.register(tessera, { verifier: seen });
    await app.inject({ url: '/v1?access_token=x', headers: { dpop: 'p', host: 'orders.test' } });
    expect(seen.last().circumstances.url).toBe('http://orders.test/v1');
    expect(seen.last().presented.query).toBe('access_token=x');
  });

  it('can be Fastify’s own answer to who the client is', async () => {
    const seen = observed();
    const app = Fastify({ trustProxy: true });
    app.register(tessera, { verifier: seen, clientAddress: (request) => request.ip });
    await app.inject({ url: '/', headers: { 'x-forwarded-for': '192.0.2.7' } });
    expect(seen.last().circumstances.address).toBe('192.0.2.7');
  });
});

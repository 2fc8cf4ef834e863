/** What holds for a service behind any proxy that asks Tessera, as the examples configure it. */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, expect, it } from 'vitest';
import { together } from '../support/call.ts';
import type { Guarded } from '../support/guarded.ts';
import type { Received } from '../support/recording-service.ts';
import type { Reply } from '../support/send.ts';
import { until } from '../support/until.ts';

export function forwardAuth(guarded: () => Guarded): void {
  beforeEach(() => {
    guarded().served();
  });

  it('answers 401 with the challenge and the problem where no credential comes, and the service hears nothing', async () => {
    const { ask, served } = guarded();
    const answer = await ask('/orders/1');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(problemOf(answer)).toMatchObject({ code: 'missing', status: 401 });
    expect(served()).toEqual([]);
  });

  it('passes what a valid token may, says who calls, and keeps the credential to itself', async () => {
    const { as, ask, served, tokens, owner, admin } = guarded();
    const { id } = await admin.verify(tokens.ofOwner);
    const answer = await as(tokens.ofOwner, '/orders/1?x=1&y=%2F');
    expect([answer.status, answer.text]).toEqual([200, 'from the service']);
    expect(answer.headers['x-served']).toBe('yes');
    const viaKey = await ask('/orders/1', { headers: { 'X-API-Key': tokens.ofOwner } });
    expect(viaKey.status).toBe(200);
    const [first, second] = served();
    expect([first?.method, first?.target]).toEqual(['GET', '/orders/1?x=1&y=%2F']);
    for (const request of [first, second]) {
      expect(identityIn(request)).toEqual({
        'x-tessera-token-id': id,
        'x-tessera-owner': owner,
        'x-tessera-scopes': 'orders:read orders:write',
      });
      expect(JSON.stringify(request?.fields)).not.toContain(tokens.ofOwner);
    }
  });

  it('lets nobody say who calls, in no spelling', async () => {
    const { as, served, tokens } = guarded();
    const forged = Object.fromEntries(
      spellings('X-Tessera-Owner', 'X-Tessera-Token-Id', 'x-tessera-scopes', 'X-Tessera-Assertion').map((name) => [
        name,
        'forged',
      ]),
    );
    // This token has no owner: no answer of Tessera would cover a forged one.
    expect((await as(tokens.reader, '/orders/1', { headers: forged })).status).toBe(200);
    const [request] = served();
    expect(Object.keys(identityIn(request)).sort()).toEqual(['x-tessera-scopes', 'x-tessera-token-id']);
    expect(JSON.stringify(request?.fields)).not.toContain('forged');
  });

  it('answers 403 and names the scope that is missing', async () => {
    const { as, served, tokens } = guarded();
    const answer = await as(tokens.reader, '/admin/users');
    expect(answer.status).toBe(403);
    expect(answer.headers['www-authenticate']).toBe('Bearer error="insufficient_scope", scope="admin"');
    expect(problemOf(answer)).toMatchObject({ code: 'insufficient_scope', status: 403 });
    const nowhere = await as(tokens.reader, '/nowhere');
    expect([nowhere.status, problemOf(nowhere).code]).toEqual([403, 'forbidden']);
    expect(served()).toEqual([]);
  });

  it('answers 401 alike to every token that is none', async () => {
    const { as, served, stranger } = guarded();
    for (const token of [stranger(), 'nonsense']) {
      const answer = await as(token, '/orders/1');
      expect([answer.status, problemOf(answer).code]).toEqual([401, 'invalid_token']);
      expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
    }
    expect(served()).toEqual([]);
  });

  it('tells how the limits stand, and answers 429 with the time to wait', async () => {
    const { as, served, admin } = guarded();
    const { token } = await admin.mint();
    const first = await as(token, '/limited');
    expect(first.status).toBe(200);
    // Ours alone: the service says 7.
    expect(first.headers['x-ratelimit-limit']).toBe('2');
    expect(first.headers['x-ratelimit-remaining']).toBe('1');
    expect(first.headers['x-ratelimit-reset']).toMatch(/^\d+$/);
    expect(first.headers.ratelimit).toMatch(/;r=1;t=\d+$/);
    expect(first.headers['ratelimit-policy']).toContain(';q=2;w=3600');
    expect((await as(token, '/limited')).status).toBe(200);
    const refused = await as(token, '/limited');
    expect(refused.status).toBe(429);
    expect(problemOf(refused)).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(60);
    expect(refused.headers['x-ratelimit-remaining']).toBe('0');
    expect(refused.headers.ratelimit).toMatch(/;r=0;t=\d+$/);
    expect(served()).toHaveLength(2);
  });

  it('leaves the answers of the service as they are, also those that say what a denial says', async () => {
    const { as, served, tokens } = guarded();
    for (const status of [400, 401, 403, 404, 429, 500, 502, 503]) {
      const answer = await as(tokens.reader, '/orders/1', { headers: { 'X-Answer': String(status) } });
      expect([answer.status, answer.text]).toEqual([status, 'from the service']);
    }
    expect(served()).toHaveLength(8);
  });

  it('refuses a credential in the query, alone and beside another one', async () => {
    const { as, ask, served, tokens } = guarded();
    const alone = await ask(`/orders/1?access_token=${tokens.reader}`);
    expect([400, 401]).toContain(alone.status);
    const beside = await as(tokens.reader, `/orders/1?access_token=${tokens.reader}`);
    expect([beside.status, problemOf(beside).code]).toEqual([400, 'duplicate_credentials']);
    const two = await as(tokens.reader, '/orders/1', { headers: { 'X-API-Key': tokens.admin } });
    expect([two.status, problemOf(two).code]).toEqual([400, 'duplicate_credentials']);
    expect(served()).toEqual([]);
  });

  it('believes the connection about where a request comes from, and nothing that the client says', async () => {
    const { as, served, tokens } = guarded();
    const claims = {
      'X-Forwarded-For': '10.1.2.3',
      X_Forwarded_For: '10.1.2.3',
      Forwarded: 'for=10.1.2.3',
      'X-Real-IP': '10.1.2.3',
      'X-Client-IP': '10.1.2.3',
      'X-Forwarded-Host': 'elsewhere.test',
      'X-Forwarded-Proto': 'gopher',
    };
    expect((await as(tokens.reader, '/inside', { headers: claims, from: '127.0.0.2' })).status).toBe(403);
    expect((await as(tokens.reader, '/near', { headers: claims, from: '127.0.0.3' })).status).toBe(403);
    expect(served()).toEqual([]);
    expect((await as(tokens.reader, '/near', { headers: claims, from: '127.0.0.2' })).status).toBe(200);
    const [request] = served();
    expect(valuesIn(request, 'x-forwarded-for')).toEqual(['127.0.0.2']);
    expect(valuesIn(request, 'x-forwarded-proto')).toEqual(['http']);
    expect(JSON.stringify(request?.fields)).not.toMatch(/10\.1\.2\.3|elsewhere|gopher/);
  });

  it('judges the request that is sent, and none that the client tells of', async () => {
    const { as, served, tokens } = guarded();
    const tale = { 'X-Forwarded-Uri': '/public/x', 'X-Forwarded-Method': 'GET' };
    expect((await as(tokens.reader, '/admin/users', { headers: tale })).status).toBe(403);
    expect(served()).toEqual([]);
    const other = { 'X-Original-URL': '/admin/x', 'X-Rewrite-URL': '/admin/x', 'X-HTTP-Method-Override': 'DELETE' };
    expect((await as(tokens.reader, '/public/x', { headers: other })).status).toBe(200);
    expect(JSON.stringify(served()[0]?.fields)).not.toMatch(/admin|DELETE/);
  });

  it('has the proxy say what is asked, never the query of the client', async () => {
    const { as, served, tokens } = guarded();
    expect((await as(tokens.reader, '/admin/users?scope=orders:read')).status).toBe(403);
    expect((await as(tokens.reader, '/admin/users?denials=403')).status).toBe(403);
    expect(served()).toEqual([]);
    expect((await as(tokens.reader, '/orders/1?scope=admin&api=none')).status).toBe(200);
    expect(served().map(({ target }) => target)).toEqual(['/orders/1?scope=admin&api=none']);
  });

  const AMBIGUOUS = [
    '//admin/users',
    '/public//../admin/users',
    '/public/../admin/users',
    '/public/./../admin/users',
    '/public/..%2fadmin/users',
    '/public/%2e%2e/admin/users',
    '/public/%2E%2e%2Fadmin',
    '/public/%252e%252e/admin/users',
    '/public/..;/admin/users',
    '/public/..;x=y/admin/users',
    '/public/x;/../../admin/users',
    '/public\\..\\admin/users',
    '/public/..%5cadmin/users',
    '/public/%00/x',
    '/public/%0d%0aX-Tessera-Owner:%20forged',
    '/public/%ff',
    '/public/%',
    '/public/a%2fb',
    '/../admin/users',
  ];
  it.each(AMBIGUOUS)('refuses a target that two servers may read differently: %s', async (target) => {
    const { as, served, tokens } = guarded();
    const answer = await as(tokens.reader, target);
    expect(answer.status).toBe(400);
    expect(served()).toEqual([]);
  });

  it('is not led astray by a target that names a host', async () => {
    const { as, served, tokens } = guarded();
    for (const target of ['http://elsewhere.test/admin/users', 'http://elsewhere.test/public/../admin/users'])
      expect([400, 403, 421]).toContain((await as(tokens.reader, target)).status);
    expect(served()).toEqual([]);
  });

  it.each(['/orders/a%20b', '/orders/caf%C3%A9?q=%2e%2e%2f', '/orders/%41?', '/orders/a+b', "/orders/a'b(c)!"])(
    'sends the target that was judged, as it came: %s',
    async (target) => {
      const { as, served, tokens } = guarded();
      expect((await as(tokens.reader, target)).status).toBe(200);
      expect(served().map((request) => request.target)).toEqual([target]);
    },
  );

  it('judges every method by its own rule', async () => {
    const { as, ask, served, tokens } = guarded();
    const head = await as(tokens.reader, '/orders/1', { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
    expect((await as(tokens.reader, '/orders/1', { method: 'DELETE' })).status).toBe(403);
    const refusedHead = await ask('/orders/1', { method: 'HEAD' });
    expect([refusedHead.status, refusedHead.text]).toEqual([401, '']);
    expect((await ask('/public/x', { method: 'OPTIONS' })).status).toBe(401);
    expect((await as(tokens.reader, '/public/x', { method: 'OPTIONS' })).status).toBe(200);
    expect(served().map(({ method }) => method)).toEqual(['HEAD', 'OPTIONS']);
  });

  it('passes a body whole, counted and in chunks, and refuses without it', async () => {
    const { as, ask, served, tokens } = guarded();
    const body = Buffer.alloc(300_000, 'tessera ');
    const counted = { method: 'POST', body, headers: { 'Content-Length': String(body.length) } };
    expect((await as(tokens.reader, '/orders/1', counted)).status).toBe(200);
    const chunked = { method: 'POST', body, headers: { 'Transfer-Encoding': 'chunked' } };
    expect((await as(tokens.reader, '/orders/1', chunked)).status).toBe(200);
    const received = served();
    expect(received).toHaveLength(2);
    for (const request of received) expect(request.body.equals(body)).toBe(true);
    const small = { method: 'POST', body: 'hello', headers: { 'Content-Length': '5' } };
    expect((await ask('/orders/1', small)).status).toBe(401);
    expect((await as(tokens.reader, '/admin/x', small)).status).toBe(403);
    expect(served()).toEqual([]);
  });

  it('judges the handshake of a WebSocket, and lets it through', async () => {
    const { as, ask, served, tokens } = guarded();
    const handshake = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    expect((await ask('/orders/live', { headers: handshake })).status).toBe(401);
    expect((await as(tokens.reader, '/admin/live', { headers: handshake })).status).toBe(403);
    expect(served()).toEqual([]);
    const { status, socket } = await as(tokens.reader, '/orders/live', { headers: handshake });
    expect(status).toBe(101);
    const echoed = socket === undefined ? undefined : once(socket, 'data');
    socket?.write('hello');
    expect(String((await echoed)?.[0])).toBe('hello');
    socket?.destroy();
    expect(Object.keys(identityIn(served()[0]))).toContain('x-tessera-token-id');
  });

  it('is told in the access log as the request it was', async () => {
    const { as, tessera, tokens } = guarded();
    await as(tokens.reader, '/orders/told?secret=1', { method: 'POST', from: '127.0.0.2' });
    const [line] = await tessera.printed(/^.*"path":"\/orders\/told".*\n/m);
    expect(JSON.parse(line)).toMatchObject({
      msg: 'call',
      door: 'forward-auth',
      route: 'orders',
      method: 'POST',
      path: '/orders/told',
      address: '127.0.0.2',
      status: 200,
      verdict: 'ok',
    });
    await as(tokens.reader, '/admin/told');
    const [refused] = await tessera.printed(/^.*"path":"\/admin\/told".*\n/m);
    expect(JSON.parse(refused)).toMatchObject({
      method: 'GET',
      route: 'admin',
      status: 403,
      verdict: 'insufficient_scope',
    });
  });

  it('answers 503 where Tessera cannot know', async () => {
    const { as, served, tessera, stranger } = guarded();
    const database = new DatabaseSync(join(tessera.data, 'tessera.db'), { timeout: 10_000 });
    database.exec('alter table secrets rename to gone');
    try {
      const answer = await as(stranger(), '/orders/1');
      expect([answer.status, problemOf(answer).code]).toEqual([503, 'fault']);
      expect(answer.headers['retry-after']).toBe('1');
    } finally {
      database.exec('alter table gone rename to secrets');
      database.close();
    }
    expect(served()).toEqual([]);
  });

  it.each(['cut', 'silent'] as const)(
    'answers 503 while the line to Tessera is %s, and serves again when it is back',
    async (state) => {
      const { as, served, tokens, line } = guarded();
      await line.become(state);
      const answers = await together(3, () => as(tokens.reader, `/orders/1?access_token=${tokens.reader}`));
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503]);
      expect(answers[0]?.headers['retry-after']).toBe('1');
      expect(served()).toEqual([]);
      await line.become('up');
      await until(
        () => as(tokens.reader, '/orders/1'),
        ({ status }) => status === 200,
      );
      served();
    },
  );

  it('writes no credential into its own log', async () => {
    const { logs, tokens, ask, as, served, line } = guarded();
    // Faults are what proxies write most about.
    await line.become('cut');
    await ask('/orders/1', { headers: { 'X-API-Key': tokens.reader, DPoP: tokens.admin } });
    await line.become('up');
    await until(
      () => as(tokens.reader, '/orders/1'),
      ({ status }) => status === 200,
    );
    served();
    await until(
      async () => logs(),
      (text) => text.includes('/orders/1'),
    );
    for (const token of Object.values(tokens)) expect(logs()).not.toContain(token);
  });
}

/** A request after the other finds the line to Tessera open. */
export function keepsTheLine(guarded: () => Guarded): void {
  it('asks over connections that it keeps', async () => {
    const { as, line, tokens, served } = guarded();
    const before = line.connections();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < 50; count += 1)
      expect((await as(tokens.reader, '/public/x', { agent })).status).toBe(200);
    agent.destroy();
    served();
    expect(line.connections() - before).toBeLessThanOrEqual(4);
  });
}

function problemOf({ text }: Reply): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

/** The fields that any reader may take for ours, whatever their spelling. */
function identityIn(request: Received | undefined): Record<string, string> {
  const ours = (request?.fields ?? []).filter(([name]) => name.replace(/[_.]/g, '-').startsWith('x-tessera-'));
  return Object.fromEntries(ours);
}

function valuesIn(request: Received | undefined, name: string): readonly string[] {
  return (request?.fields ?? []).filter(([field]) => field === name).map(([, value]) => value);
}

/** Each name with `-`, `_` and `.` in every place, and in other cases. */
function spellings(...names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const written = name
      .split('-')
      .reduce<string[]>(
        (starts, part) =>
          starts.length === 0 ? [part] : starts.flatMap((start) => ['-', '_', '.'].map((mark) => start + mark + part)),
        [],
      );
    return [...written, ...written.map((one) => one.toUpperCase())];
  });
}

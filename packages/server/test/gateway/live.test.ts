import { setTimeout as delay } from 'node:timers/promises';
import { addressRule, digestKey, type TokenFacts } from '@tessera/verify';
import { afterEach, describe, expect, it } from 'vitest';
import type { ChangeEntry } from '../../src/core/model.ts';
import { factsOf, lines, type TestGateway, TOKEN, testGateway, WORKSPACE } from './support/gateway.ts';
import { answerOf, connection, hear, until } from './support/raw-client.ts';
import { acceptance, accepting, closeAtEnd, frame, handshake } from './support/websocket.ts';

const STREAM =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n';
const REVOKED: readonly ['token.revoked', Partial<TokenFacts>] = ['token.revoked', { id: 'tok_2', revokedAt: 1 }];

let gateway: TestGateway;
afterEach(() => gateway.close());

const get = (token: string, ...more: readonly string[]): string =>
  `GET /x HTTP/1.1\r\n${lines('Host: a.test', `X-API-Key: ${token}`, ...more)}`;

/** Changes what is known of the token, and tells of it. */
const change = (
  token: string,
  [kind, facts]: readonly [ChangeEntry['kind'], Partial<TokenFacts>],
  id = 'tok_2',
): void => {
  gateway.mint({ id: 'tok_2', ...facts }, token);
  gateway.changed({ kind, id });
};

/** A call is followed, and was judged again since that began: only what is told from now on makes it be judged. */
const followed = async (): Promise<void> => {
  await expect.poll(() => gateway.live.count()).toBe(1);
  // A timer of the same length that starts later ends later.
  await delay(0);
};

/** A WebSocket that is followed. */
const tunnelOf = async (token: string) => {
  gateway.upstream.answer = accepting();
  const socket = connection(gateway.port, handshake([`X-API-Key: ${token}`]));
  await until(socket, '\r\n\r\n');
  await followed();
  return socket;
};

/** A stream of events that is followed. */
const streamOf = async (token: string) => {
  gateway.upstream.answer = (_request, socket) => void socket.write(STREAM);
  const socket = connection(gateway.port, get(token));
  await until(socket, 'data: 1');
  await followed();
  return socket;
};

describe('a call that lasts', () => {
  const owner = { id: 'own_1', type: 'service', roles: ['r'], enabled: true } as const;
  const secret = (until: number): TokenFacts['secret'] => ({ key: digestKey('x'), state: 'retiring', until });
  const ends: readonly (readonly [string, string, ChangeEntry['kind'], string, Partial<TokenFacts>])[] = [
    ['revoked', 'revoked', 'token.revoked', 'tok_2', { revokedAt: 1 }],
    ['disabled', 'disabled', 'token.disabled', 'tok_2', { enabled: false }],
    ['given another secret', 'rotated', 'token.rotated', 'tok_2', { secret: secret(1) }],
    ['narrowed in scope', 'insufficient_scope', 'token.updated', 'tok_2', { scopes: [] }],
    [
      'bound to an address',
      'ip_denied',
      'token.updated',
      'tok_2',
      { addresses: [addressRule('token', { allow: ['192.0.2.1'] })] },
    ],
    ['moved to another audience', 'wrong_audience', 'api.updated', 'api_1', { api: { id: 'api_1', audience: 'x' } }],
    [
      'of an owner who was disabled',
      'owner_disabled',
      'owner.disabled',
      'own_1',
      { owner: { ...owner, enabled: false } },
    ],
    ['narrowed by a role', 'insufficient_scope', 'role.updated', 'rol_1', { scopes: [] }],
    [
      'of a workspace that was suspended',
      'suspended',
      'workspace.updated',
      WORKSPACE,
      { workspace: { id: WORKSPACE, enabled: false } },
    ],
  ];
  it.each(ends)('is cut at once when its token is %s', async (_name, code, kind, id, facts) => {
    gateway = await testGateway({
      // Of what is tried by the clock, nothing comes in time.
      boundMs: 3_600_000,
      routes: (url) => [
        {
          name: 'all',
          match: { path: '/*' },
          require: { api: 'https://api.test', scopes: ['orders:read'] },
          upstream: { targets: [{ url, weight: 1 }] },
        },
      ],
    });
    const token = gateway.mint({ id: 'tok_2', owner });
    const heard = hear(await tunnelOf(token));
    change(token, [kind, { owner, ...facts }], id);
    const { text } = await heard;
    expect(closeAtEnd(text)).toEqual({ code: 1008, reason: 'the token is no longer valid' });
    await gateway.upstream.disconnected;
    expect(gateway.cuts).toEqual([code]);
    await expect.poll(() => gateway.recorded).toHaveLength(1);
    expect(gateway.recorded).toMatchObject([
      { code: 'ok', status: code === 'insufficient_scope' || code === 'ip_denied' ? 403 : 401 },
    ]);
    expect(gateway.live.count()).toBe(0);
  });

  it('is cut when its token expires, or the grace of its secret ends', async () => {
    let now = 0;
    gateway = await testGateway({ ports: { clock: { now: () => now } } });
    for (const facts of [{ expiresAt: 1000 }, { secret: secret(2000) }]) {
      const heard = hear(await tunnelOf(gateway.mint(facts)));
      now += 1000;
      expect(closeAtEnd((await heard).text)?.code).toBe(1008);
    }
    expect(gateway.cuts).toEqual(['expired', 'rotated']);
  });

  it('goes on when something else changes, or something that does not matter', async () => {
    gateway = await testGateway();
    const token = gateway.mint({ id: 'tok_2' });
    const socket = await tunnelOf(token);
    gateway.mint({ id: 'tok_3', revokedAt: 1 });
    gateway.changed({ kind: 'token.revoked', id: 'tok_3' });
    gateway.changed({ kind: 'owner.updated', id: 'own_1' });
    change(token, ['token.updated', { name: 'new name', expiresAt: Date.now() + 600_000 }]);
    gateway.changed('missed');
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.write('still here');
    await gateway.upstream.seen('still here');
    expect(gateway.cuts).toEqual([]);
  });

  it('is judged again when changes may have been missed', async () => {
    gateway = await testGateway();
    const token = gateway.mint({ id: 'tok_2' });
    const heard = hear(await tunnelOf(token));
    gateway.mint({ id: 'tok_2', revokedAt: 1 }, token);
    gateway.changed('missed');
    expect(closeAtEnd((await heard).text)?.code).toBe(1008);
  });

  it('is judged anew for as long as no change can be heard of, and cut where nobody can tell', async () => {
    let answers = true;
    let asked = 0;
    const find = (): TokenFacts => {
      asked += 1;
      if (!answers) throw new Error('the store does not answer');
      return factsOf(TOKEN, {});
    };
    gateway = await testGateway({
      boundMs: 100,
      ports: { tokens: { known: () => undefined, find, imported: () => [] } },
    });
    const heard = hear(await tunnelOf(TOKEN));
    gateway.hears = false;
    const before = asked;
    await expect.poll(() => asked).toBeGreaterThan(before + 2);
    expect(gateway.cuts).toEqual([]);
    answers = false;
    expect(closeAtEnd((await heard).text)?.code).toBe(1008);
    expect(gateway.cuts).toEqual(['fault']);
  });

  it('is cut where the verdict is not made in time', async () => {
    let answers = true;
    const find = () => (answers ? factsOf(TOKEN, {}) : new Promise<TokenFacts>(() => {}));
    gateway = await testGateway({ ports: { tokens: { known: () => undefined, find, imported: () => [] } } });
    const heard = hear(await tunnelOf(TOKEN));
    answers = false;
    gateway.changed('missed');
    await heard;
    expect(gateway.cuts).toEqual(['fault']);
  });

  it('that changed while it was young is cut as soon as it is followed', async () => {
    gateway = await testGateway();
    const token = gateway.mint({ id: 'tok_2' });
    gateway.upstream.answer = (_request, socket) => void socket.write(STREAM);
    const socket = connection(gateway.port, get(token));
    await until(socket, 'data: 1');
    change(token, REVOKED);
    expect((await hear(socket)).end).toBe('reset');
    expect(gateway.cuts).toEqual(['revoked']);
  });

  it('spends neither limits nor quotas when it is judged again', async () => {
    let spent = 0;
    const take = () => {
      spent += 1;
      return { allowed: true, states: [] };
    };
    gateway = await testGateway({ ports: { quotas: { take } } });
    const limits = [{ key: 'k', name: 'k', limit: 1, windowSeconds: 3600, burst: 1, cost: 1 }];
    const quotas = [{ key: 'q', name: 'q', limit: 1, period: 'day' } as const];
    const socket = await tunnelOf(gateway.mint({ id: 'tok_2', limits, quotas }));
    for (let round = 0; round < 3; round++) gateway.changed('missed');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([gateway.cuts, socket.destroyed, spent]).toEqual([[], false, 1]);
  });
});

describe('a short call', () => {
  it('is never followed', async () => {
    gateway = await testGateway();
    for (let at = 0; at < 20; at++) expect((await gateway.get('/')).status).toBe(200);
    expect(gateway.live.count()).toBe(0);
  });
});

describe('what a cut looks like', () => {
  it('in a WebSocket: nothing of ours stands inside a frame, or behind a Close', async () => {
    gateway = await testGateway();
    for (const last of [frame(1, 'half of it').slice(0, 7), frame(8, '\x03\xe8'), '\x82']) {
      const token = gateway.mint({ id: 'tok_2' });
      const socket = await tunnelOf(token);
      gateway.upstream.answerNow(last);
      await until(socket, last);
      const heard = hear(socket);
      change(token, REVOKED);
      expect((await heard).text).toBe('');
    }
  });

  it('in a stream of events: never a clean end, and the upstream sees it', async () => {
    gateway = await testGateway();
    const token = gateway.mint({ id: 'tok_2' });
    const heard = hear(await streamOf(token));
    change(token, REVOKED);
    const { text, end } = await heard;
    expect([text, end]).toEqual(['', 'reset']);
    await gateway.upstream.disconnected;
    await expect.poll(() => gateway.recorded.map(({ status }) => status)).toEqual([401]);
    expect(gateway.upstreamFaults).toEqual([]);
  });

  it('in a download that the client has not read to its end: a reset', async () => {
    gateway = await testGateway({ uploadStallMs: 60_000 });
    const token = gateway.mint({ id: 'tok_2' });
    // More than any system takes on the way to a reader that is not there.
    const length = 1_073_741_824;
    const piece = 'x'.repeat(1_048_576);
    gateway.upstream.answer = (_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
      const more = (): void => {
        while (!socket.destroyed && socket.write(piece));
      };
      socket.on('drain', more);
      more();
    };
    const socket = connection(gateway.port, get(token)).pause();
    await followed();
    change(token, REVOKED);
    await expect.poll(() => gateway.recorded.map(({ status }) => status)).toEqual([401]);
    const { text, end } = await hear(socket.resume());
    expect(end).toBe('reset');
    expect(text.length).toBeLessThan(length);
  });

  it('in a call that waits for its answer: 401, and the upstream request is aborted', async () => {
    gateway = await testGateway();
    const token = gateway.mint({ id: 'tok_2' });
    gateway.upstream.answer = () => {};
    const heard = answerOf(hear(connection(gateway.port, get(token, 'Connection: close'))));
    await followed();
    change(token, REVOKED);
    const { status, head, body } = await heard;
    expect([status, JSON.parse(body).code]).toEqual([401, 'invalid_token']);
    expect(head).toContain('\r\nWWW-Authenticate: Bearer error="invalid_token"');
    await gateway.upstream.disconnected;
    expect(gateway.upstreamFaults).toEqual([]);
  });

  it('in an upload: 401, and the upstream never takes the half for the whole', async () => {
    gateway = await testGateway();
    const token = gateway.mint({ id: 'tok_2' });
    const head = lines('Host: a.test', `X-API-Key: ${token}`, 'Transfer-Encoding: chunked', 'Connection: close');
    const heard = answerOf(hear(connection(gateway.port, `POST /x HTTP/1.1\r\n${head}5\r\nhello\r\n`)));
    await gateway.upstream.seen('hello');
    await followed();
    change(token, REVOKED);
    expect((await heard).status).toBe(401);
    await gateway.upstream.disconnected;
    expect(gateway.upstream.requests).toEqual([]);
  });

  it('in a handshake that the upstream has not answered: 401, and no tunnel', async () => {
    gateway = await testGateway();
    const token = gateway.mint({ id: 'tok_2' });
    gateway.upstream.answer = () => {};
    const heard = answerOf(hear(connection(gateway.port, handshake([`X-API-Key: ${token}`]))));
    await followed();
    change(token, REVOKED);
    expect((await heard).status).toBe(401);
    await gateway.upstream.disconnected;
  });

  it('in a handshake that is answered after the change: the tunnel ends as soon as it begins', async () => {
    gateway = await testGateway();
    const token = gateway.mint({ id: 'tok_2' });
    gateway.upstream.answer = () => {};
    const socket = connection(gateway.port, handshake([`X-API-Key: ${token}`]));
    const request = await gateway.upstream.seen('\r\n\r\n');
    change(token, REVOKED);
    gateway.upstream.answerNow(acceptance(request));
    expect(closeAtEnd((await hear(socket)).text)?.code).toBe(1008);
  });
});

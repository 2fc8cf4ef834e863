/** Queries, headers and texts to judge: what is not exactly what the contract describes is refused. */
import { checksum, generate } from '@tessera/token';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, call, newWorkspace, problemOf } from './support/call.ts';
import { expectInvalid } from './support/expect-invalid.ts';
import { rawRequest } from './support/raw-request.ts';
import { endServers, type Server, startServer } from './support/server.ts';

describe('a request', () => {
  let server: Server;
  let admin: Caller;
  beforeAll(async () => {
    server = await startServer();
    ({ admin } = await newWorkspace(server));
  });
  afterAll(endServers);

  describe('with a query', () => {
    const list = (query: string, path = '/v1/tokens') =>
      call(server, `GET ${path}?${query}` as 'GET /', { token: admin.token });

    it('is refused where the operation does not know it', async () => {
      expectInvalid(await list('nope=1'), '?nope', 'unknown member');
      expectInvalid(await list('nope=1', '/v1/audit/checkpoint'), '?nope', 'unknown query parameter');
      expectInvalid(await list('__proto__=1'), '?__proto__', /unknown/);
      const verify = await call(server, 'POST /v1/verify?x=1', { token: admin.token, body: { token: 'x' } });
      expectInvalid(verify, '?x', 'unknown query parameter');
    });

    it('is refused where it comes twice', async () => {
      expectInvalid(await list('limit=1&limit=1'), '?limit', 'must be given once');
      expectInvalid(await list('q=a&%71=b'), '?q', 'must be given once');
    });

    it.each(['1e9', '-1', 'NaN', '0', '101', '1.5', '', 'ten'])('is refused: limit=%s', async (limit) => {
      expectInvalid(await list(`limit=${limit}`), '?limit', /./);
    });

    it('is refused: a cursor that was forged, or is of another list, filter or workspace', async () => {
      for (const name of ['a', 'b', 'c']) {
        await admin.mint({ name });
        await admin.do('owners.create', { body: { type: 'user', name } });
      }
      const { nextCursor } = await admin.do('tokens.list', { query: { limit: 1 } });
      const owners = await admin.do('owners.list', { query: { limit: 1 } });
      const cursor = nextCursor ?? '';
      expect((await list(`limit=1&cursor=${cursor}`)).status).toBe(200);
      const flipped = `${cursor[0] === 'A' ? 'B' : 'A'}${cursor.slice(1)}`;
      for (const query of [
        `cursor=${flipped}`,
        `cursor=${cursor}A`,
        `cursor=${cursor.slice(0, -1)}`,
        'cursor=x',
        `cursor=${owners.nextCursor}`,
        `cursor=${cursor}&q=a`,
      ]) {
        expectInvalid(await list(query), '?cursor', 'is not a cursor of this list, filter and workspace');
      }
      const other = await newWorkspace(server);
      const elsewhere = await other.admin.ask('tokens.list', { query: { cursor } });
      expectInvalid(elsewhere, '?cursor', 'is not a cursor of this list, filter and workspace');
    });
  });

  describe('by its line and headers', () => {
    it('is refused: a method that the path does not have, with those that it has', async () => {
      const answer = await call(server, 'PUT /v1/tokens', { token: admin.token, body: {} });
      expect(answer.headers.get('allow')).toBe('GET, POST');
      expect(problemOf(answer)).toMatchObject({ status: 405, code: 'method_not_allowed', title: 'Method not allowed' });
      expect((await call(server, 'POST /healthz')).headers.get('allow')).toBe('GET, HEAD');
    });

    it('ignores X-HTTP-Method-Override', async () => {
      const { id } = await admin.mint();
      const headers = { 'X-HTTP-Method-Override': 'DELETE', 'X-HTTP-Method': 'PATCH' };
      expect((await admin.ask('tokens.get', { id, headers })).status).toBe(200);
      expect((await admin.do('tokens.get', { id })).status).toBe('active');
    });

    it.each([
      ['no credential in the query', ['GET /v1/tokens?access_token=TOKEN HTTP/1.1'], 401, 'missing', 'Bearer'],
      [
        'two credentials',
        ['GET /v1/tokens?access_token=x HTTP/1.1', 'Authorization: Bearer TOKEN'],
        400,
        'duplicate_credentials',
        'Bearer error="invalid_request"',
      ],
      [
        'two fields',
        ['GET /v1/tokens HTTP/1.1', 'Authorization: Bearer TOKEN', 'X-API-Key: TOKEN'],
        400,
        'duplicate_credentials',
        'Bearer error="invalid_request"',
      ],
      [
        'an empty credential',
        ['GET /v1/tokens HTTP/1.1', 'Authorization: Bearer'],
        400,
        'invalid_request',
        'Bearer error="invalid_request"',
      ],
      ['another scheme', ['GET /v1/tokens HTTP/1.1', 'Authorization: Basic dTpw'], 401, 'missing', 'Bearer'],
      [
        'a token with more after it',
        ['GET /v1/tokens HTTP/1.1', 'Authorization: Bearer TOKEN='],
        401,
        'malformed',
        'Bearer error="invalid_token"',
      ],
    ])('takes %s for what it is', async (_what, lines, status, code, challenge) => {
      const sent = lines.map((line) => line.replace('TOKEN', admin.token));
      const answer = await rawRequest(server, sent);
      expect(answer.status).toBe(status);
      expect(JSON.parse(answer.body).code).toBe(code);
      expect(answer.head).toContain(`\r\nWWW-Authenticate: ${challenge}\r\n`);
      expect(answer.head + answer.body).not.toContain(admin.token);
    });

    it('takes the token also as X-API-Key', async () => {
      const answer = await call(server, 'GET /v1/tokens', { headers: { 'X-API-Key': admin.token } });
      expect(answer.status).toBe(200);
    });
  });

  describe('to the verify endpoint', () => {
    it.each([[['a']], [123], [null], [{ $ne: null }], [{ toString: 1 }], [true]])(
      'is refused where the token is %j',
      async (token) => {
        const answer = await call(server, 'POST /v1/verify', { token: admin.token, body: { token } });
        expectInvalid(answer, '/token', /expected string/);
      },
    );

    it.each([-1, 0, 1.5, 1e308, 1_000_001, '1', null])('is refused where the cost is %j', async (cost) => {
      const answer = await call(server, 'POST /v1/verify', { token: admin.token, body: { token: 'x', cost } });
      expectInvalid(answer, '/cost', /./);
    });

    it('is refused as a batch with no item, more than 100, or one that is wrong', async () => {
      const batch = (items: unknown[]) =>
        call(server, 'POST /v1/verify/batch', { token: admin.token, body: { items } });
      expectInvalid(await batch([]), '/items', /./);
      expectInvalid(await batch(Array(101).fill({ token: 'x' })), '/items', /./);
      expect((await batch(Array(100).fill({ token: 'x' }))).status).toBe(200);
      const { token } = await admin.mint({ limits: [{ name: 'l', limit: 5, window: 3600 }] });
      expectInvalid(await batch([{ token }, { token: 5 }]), '/items/1/token', /expected string/);
      expect((await admin.verify(token)).limits).toMatchObject([{ name: 'l', remaining: 4 }]);
    });

    it('is `malformed` or `unknown` for every text that is no token of ours', async () => {
      const { token } = await admin.mint();
      const start = token.slice(0, token.lastIndexOf('_') + 1);
      const flip = (text: string, at: number): string =>
        `${text.slice(0, at)}${text[at] === '0' ? '1' : '0'}${text.slice(at + 1)}`;
      const texts = {
        'an empty text': '',
        'with padding': `${token}=`,
        'with an encoded line feed': `${token}%0a`,
        'with a leading space': ` ${token}`,
        'with a NUL': `${token.slice(0, 20)}\0${token.slice(21)}`,
        'with one wrong checksum character': flip(token, token.length - 1),
        'with one wrong secret character': flip(token, start.length + 3),
        'in the other case': token.toUpperCase(),
        'with a full-width letter': token.replace('tsr', '\uff54sr'),
        'with a Cyrillic letter': token.replace('tsr', 't\u0455r'),
        'with nothing after the prefix': start,
        'with a checksum alone': `${start}000000`,
        'longer than a token can be': `${token}${'0'.repeat(600)}`,
        'a million characters': 'x'.repeat(1_000_000),
        'a signed token of nobody': 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.',
      };
      for (const [what, text] of Object.entries(texts)) {
        expect(await admin.verify(text), what).toMatchObject({ valid: false, code: 'malformed' });
      }
      expect(await admin.verify(generate({ prefix: 'tsr', environment: 'live' }))).toMatchObject({ code: 'unknown' });
      expect((await admin.verify(token)).code).toBe('ok');
    });

    it('is not found under another prefix, whatever its checksum says', async () => {
      const { token } = await admin.mint();
      await admin.do('apis.create', { body: { name: 'b', audience: 'https://b.test', prefix: 'bbb' } });
      const body = `bbb_live_${token.slice('tsr_live_'.length, -6)}`;
      expect(await admin.verify(body + checksum(body))).toEqual(
        await admin.verify(generate({ prefix: 'bbb', environment: 'live' })),
      );
    });
  });
});

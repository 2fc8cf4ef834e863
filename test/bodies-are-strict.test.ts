/** A body that is not exactly what the contract describes is refused, with the place and without an echo, and changes nothing. */
import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Caller, call, newWorkspace, problemOf } from './support/call.ts';
import { expectInvalid } from './support/expect-invalid.ts';
import { rawRequest } from './support/raw-request.ts';
import { endServers, type Server, startServer } from './support/server.ts';

const MIB = 1_048_576;

describe('a body', () => {
  let server: Server;
  let admin: Caller;
  beforeAll(async () => {
    server = await startServer();
    ({ admin } = await newWorkspace(server));
  });
  afterAll(endServers);

  const post = (body: string, headers: Record<string, string> = {}): Promise<Answer> =>
    call(server, 'POST /v1/tokens', { token: admin.token, body, headers });

  describe('that is no JSON', () => {
    it.each([
      ['an empty body', ''],
      ['half an object', '{"name":"x"'],
      ['a trailing comma', '{"name":"x","scopes":[],}'],
      ['single quotes', "{'name':'x','scopes':[]}"],
      ['NaN', '{"name":"x","scopes":[],"expiresIn":NaN}'],
      ['a comment', '{"name":"x"/**/,"scopes":[]}'],
      ['a leading zero', '{"name":"x","scopes":[],"expiresIn":060}'],
      ['two values', '{"name":"x","scopes":[]}{}'],
      ['a raw control character', '{"name":"x\ny","scopes":[]}'],
      ['a byte order mark', '\ufeff{"name":"x","scopes":[]}'],
    ])('is refused: %s', async (_what, body) => {
      expect(problemOf(await post(body))).toMatchObject({
        status: 400,
        code: 'malformed_json',
        title: 'The body is not valid JSON',
        detail: expect.stringMatching(/^The body is not valid JSON/),
      });
    });

    it('is refused where a member stands twice, however it is spelled', async () => {
      for (const body of ['{"name":"x","name":"y","scopes":[]}', '{"name":"x","n\\u0061me":"y","scopes":[]}']) {
        expect(problemOf(await post(body))).toMatchObject({
          status: 400,
          code: 'malformed_json',
          detail: 'An object has a member twice.',
        });
      }
    });

    it('is refused where it is not UTF-8', async () => {
      const body = Buffer.from([...Buffer.from('{"name":"'), 0xc3, 0x28, ...Buffer.from('","scopes":[]}')]);
      const answer = await rawRequest(
        server,
        [
          'POST /v1/tokens HTTP/1.1',
          `Authorization: Bearer ${admin.token}`,
          'Content-Type: application/json',
          `Content-Length: ${body.length}`,
        ],
        body,
      );
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'malformed_json', detail: 'The body is not valid UTF-8.' });
    });

    it('is refused where it is nested deeper than 32, however deep', async () => {
      for (const depth of [33, 100_000]) {
        const answer = await post(`${'['.repeat(depth)}${']'.repeat(depth)}`);
        expect(problemOf(answer)).toMatchObject({
          status: 400,
          code: 'malformed_json',
          detail: 'The body is nested deeper than 32.',
        });
      }
      expectInvalid(await post(`${'['.repeat(32)}${']'.repeat(32)}`), '', /expected object/);
    });
  });

  describe('of another type or size', () => {
    const fine = '{"name":"x","scopes":[]}';

    it.each([
      'text/plain',
      'application/json; charset=utf-16',
      'application/jsonp',
      'application/x-www-form-urlencoded',
    ])('is refused: Content-Type %s', async (type) => {
      expect(problemOf(await post(fine, { 'Content-Type': type }))).toMatchObject({
        status: 415,
        code: 'unsupported_media_type',
        title: 'The body must be application/json in UTF-8',
      });
    });

    it('is refused where it is compressed', async () => {
      const body = gzipSync(fine);
      const answer = await rawRequest(
        server,
        [
          'POST /v1/tokens HTTP/1.1',
          `Authorization: Bearer ${admin.token}`,
          'Content-Type: application/json',
          'Content-Encoding: gzip',
          `Content-Length: ${body.length}`,
        ],
        body,
      );
      expect(answer.status).toBe(415);
    });

    it.each(['application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'Application/JSON'])(
      'is taken as %s',
      async (type) => {
        expect((await post(fine, { 'Content-Type': type })).status).toBe(201);
      },
    );

    it('is refused over 1 MiB, whether its length is told or not, and read up to it', async () => {
      const sized = (bytes: number): string => fine.padEnd(bytes, ' ');
      expect((await post(sized(MIB))).status).toBe(201);
      const told = await rawRequest(
        server,
        [
          'POST /v1/tokens HTTP/1.1',
          `Authorization: Bearer ${admin.token}`,
          'Content-Type: application/json',
          `Content-Length: ${MIB + 1}`,
        ],
        fine,
      );
      expect(told.status).toBe(413);
      expect(JSON.parse(told.body)).toMatchObject({ code: 'too_large', title: 'The body is too large' });
      const chunk = `${MIB.toString(16)}\r\n${sized(MIB)}\r\n1\r\n \r\n0\r\n\r\n`;
      const chunked = await rawRequest(
        server,
        [
          'POST /v1/tokens HTTP/1.1',
          `Authorization: Bearer ${admin.token}`,
          'Content-Type: application/json',
          'Transfer-Encoding: chunked',
        ],
        chunk,
      );
      expect(chunked.status).toBe(413);
    });
  });

  describe('that the contract does not know', () => {
    it.each(['hash', 'tenantId', 'createdAt', 'isAdmin', 'remaining', 'workspace', 'id'])(
      'is refused: a member %s',
      async (name) => {
        const answer = await post(JSON.stringify({ name: 'x', scopes: [], [name]: 1 }));
        expectInvalid(answer, `/${name}`, 'unknown member');
      },
    );

    it('is refused also inside: of a limit, of the address lists, of an item', async () => {
      const limited = JSON.stringify({ name: 'x', scopes: [], limits: [{ limit: 1, window: 1, remaining: 5 }] });
      expectInvalid(await post(limited), '/limits/0/remaining', 'unknown member');
      const addressed = JSON.stringify({ name: 'x', scopes: [], ip: { permit: [] } });
      expectInvalid(await post(addressed), '/ip/permit', 'unknown member');
    });

    it.each([
      '{"name":"x","scopes":[],"__proto__":{"admin":true}}',
      '{"name":"x","scopes":[],"constructor":{"prototype":{"admin":true}}}',
      '{"name":"x","scopes":[],"metadata":{"prototype":"x"}}',
      '{"name":"x","scopes":[],"metadata":{"\\u005f_proto__":"x"}}',
    ])('is refused where a name reaches for prototypes: %s', async (body) => {
      expectInvalid(await post(body), '', 'a member name is not allowed');
    });

    it('leaves every fault of a body in one answer, each with its place, and repeats nothing of it', async () => {
      const body = { name: '', scopes: ['a b', 'a"b'], expiresIn: -1, secretly: 'tsr_live_echo' };
      const answer = await post(JSON.stringify(body));
      const pointers = (answer.body.errors as { pointer: string }[]).map(({ pointer }) => pointer);
      expect(pointers.sort()).toEqual(['/expiresIn', '/name', '/scopes/0', '/scopes/1', '/secretly']);
      expect(answer.text).not.toContain('tsr_live_echo');
    });
  });

  describe('out of range', () => {
    const mint = (more: object) => post(JSON.stringify({ name: 'x', scopes: [], ...more }));

    it.each([-1, 0, 1.5, 1e308, 315_360_001, true, null, '0s', '-5m', '99999d', 'P', 'forever'])(
      'is refused: expiresIn %j',
      async (expiresIn) => {
        expectInvalid(await mint({ expiresIn }), '/expiresIn', /./);
      },
    );

    it('is refused: an expiry in the past, after the year 9999, or given twice', async () => {
      const past = new Date(Date.now() - 1000).toISOString();
      expectInvalid(await mint({ expiresAt: past }), '/expiresAt', 'must be in the future');
      expectInvalid(await mint({ expiresAt: '2026-02-30T00:00:00Z' }), '/expiresAt', /invalid/);
      expectInvalid(await mint({ expiresAt: 'tomorrow' }), '/expiresAt', /invalid/);
      const future = new Date(Date.now() + 60_000).toISOString();
      expectInvalid(await mint({ expiresAt: future, expiresIn: 60 }), '/expiresAt', /together with expiresIn/);
    });

    it.each([
      [{ limit: 0, window: 1 }, '/limits/0/limit'],
      [{ limit: 1, window: 0 }, '/limits/0/window'],
      [{ limit: 1.5, window: 1 }, '/limits/0/limit'],
      [{ limit: 1, window: 1, cost: 2 }, '/limits/0/cost'],
      [{ limit: '1', window: 1 }, '/limits/0/limit'],
    ])('is refused: the limit %j', async (limit, pointer) => {
      expectInvalid(await mint({ limits: [limit] }), pointer, /./);
    });

    it.each(['300.0.0.1', '10.0.0.0/33', '::/129', 'localhost', '10.0.0.1-10.0.0.9', ''])(
      'is refused: the address %j',
      async (address) => {
        expectInvalid(await mint({ ip: { allow: [address] } }), '/ip/allow/0', 'must be an IP address or a CIDR range');
      },
    );

    it.each(['a\u0000b', 'a\nb', 'x'.repeat(201), ''])('is refused: the name %j', async (name) => {
      expectInvalid(await mint({ name }), '/name', /./);
    });

    it('is refused: half of a surrogate pair, in any text and any name', async () => {
      for (const more of [{ name: '\ud800' }, { metadata: { k: '\udc00' } }, { '\ud800': 1 }]) {
        expectInvalid(await mint(more), '', 'a text is not valid Unicode');
      }
    });

    it('is kept exactly where it is valid Unicode', async () => {
      for (const name of ['\u202eright to left', 'e\u0301 is not \u00e9', '\u{1f511}']) {
        expect((await mint({ name })).body.name).toBe(name);
      }
    });
  });
});

/** What goes wrong is one error with a code; what may be repeated is repeated, within bounds; the token is never told. */
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, type ClientOptions, createClient, TesseraError } from '../src/index.ts';
import { backoff, retryDelay } from '../src/retry.ts';
import { hangUp, json, problem, type ScriptedServer, scriptedServer } from './scripted-server.ts';

const token = 'tsr_test_0123456789012345678901234567890123456789012000000';
let server: ScriptedServer;
let pauses: number[] = [];
beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => server[Symbol.asyncDispose]());

function client(options: Partial<ClientOptions> = {}): Client {
  pauses = [];
  const pause = async (milliseconds: number): Promise<void> => {
    pauses.push(milliseconds);
  };
  return createClient({ baseUrl: server.url, token, pause, ...options });
}

async function failure(promise: Promise<unknown>): Promise<TesseraError> {
  const error: unknown = await promise.then(
    () => expect.fail('the call succeeded'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TesseraError);
  expect(inspect(error)).not.toContain(token);
  return error as TesseraError;
}

describe('a refusal', () => {
  it('carries what the problem says', async () => {
    server.script(
      problem(
        422,
        {
          code: 'invalid_input',
          title: 'The input is not valid',
          detail: 'See errors',
          requestId: 'req_9',
          errors: [{ pointer: '/name', detail: 'is missing', code: 'required' }, 'noise'],
        },
        { 'x-request-id': 'req_8' },
      ),
    );
    const error = await failure(client().tokens.create({ name: 'n', scopes: [] }));
    expect(error).toMatchObject({
      kind: 'problem',
      code: 'invalid_input',
      title: 'The input is not valid',
      message: 'The input is not valid: See errors',
      status: 422,
      requestId: 'req_9',
      errors: [{ pointer: '/name', detail: 'is missing', code: 'required' }],
    });
    expect(server.received).toHaveLength(1);
  });

  it('that quotes the token has it taken out', async () => {
    server.script(problem(401, { code: `x${token}`, title: token, detail: `got ${token}`, requestId: token }));
    const error = await failure(client().audit.list());
    expect(error.message).toBe('[token]: got [token]');
  });

  it('keeps its words, whatever short text was taken for a token', async () => {
    server.script(problem(401, { code: 'malformed', title: 'It is not valid here.', detail: 'The text is no token' }));
    const error = await failure(createClient({ baseUrl: server.url, token: 'x' }).audit.list());
    expect(error.message).toBe('It is not valid here: The text is no token');
  });

  it('that is no problem document is told as one of protocol', async () => {
    server.script((response) => response.writeHead(500).end('<html>bad gateway'));
    expect(await failure(client().audit.list())).toMatchObject({
      kind: 'protocol',
      code: 'protocol',
      status: 500,
      message: 'The server answered 500',
    });
  });
});

describe('something that is not the management API', () => {
  it('a redirect is not followed', async () => {
    server.script((response) => response.writeHead(302, { location: '/elsewhere' }).end());
    const error = await failure(client().audit.list());
    expect(error).toMatchObject({ kind: 'protocol', status: 302 });
    expect(error.message).toBe('Something answered that is not the management API (a redirect)');
    expect(server.received).toHaveLength(1);
  });

  it('an answer that is no JSON', async () => {
    server.script((response) => response.end('<html>'));
    expect((await failure(client().audit.list())).message).toBe(
      'Something answered that is not the management API (no JSON)',
    );
  });

  it('an answer without end is cut at the cap', async () => {
    server.script((response) => {
      const more = (): boolean => response.write('x'.repeat(65_536)) && more();
      response.on('drain', more);
      more();
    });
    const error = await failure(client({ maxResponseBytes: 1_000_000 }).audit.list());
    expect(error).toMatchObject({ kind: 'protocol', message: 'The answer is longer than 1000000 bytes' });
  });
});

describe('no answer', () => {
  it('names the server and the reason, after the attempts allowed', async () => {
    const closed = await scriptedServer();
    await closed[Symbol.asyncDispose]();
    const error = await failure(client({ baseUrl: closed.url }).audit.list());
    expect(error).toMatchObject({ kind: 'network', code: 'network', status: undefined, detail: 'ECONNREFUSED' });
    expect(error.message).toBe(`Could not reach ${closed.url}: ECONNREFUSED`);
    expect(pauses).toHaveLength(3);
  });

  it('in time is a timeout, also in the middle of a body', async () => {
    server.script((response) => response.writeHead(200).write('{'));
    const error = await failure(client({ timeoutMs: 1_000, retries: 0 }).audit.list());
    expect(error).toMatchObject({ kind: 'timeout', code: 'timeout', message: 'No answer within 1000 milliseconds' });
    expect(server.received).toHaveLength(1);
  });

  it('from one node may come from another: the attempt is made again', async () => {
    server.script(() => undefined, json(200, { items: [] }));
    await expect(client({ timeoutMs: 1_000 }).audit.list()).resolves.toEqual({ items: [] });
    expect(server.received).toHaveLength(2);
  });

  it('because the caller gave up throws the reason of the caller', async () => {
    server.script(() => undefined);
    const reason = new Error('enough');
    const controller = new AbortController();
    const running = client().audit.list({}, { signal: controller.signal });
    await expect.poll(() => server.received.length).toBe(1);
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
  });

  it('because the client was ended throws the same', async () => {
    const reason = new Error('over');
    await expect(client({ signal: AbortSignal.abort(reason) }).audit.list()).rejects.toBe(reason);
  });

  it('gives up while it waits, too', { timeout: 15_000 }, async () => {
    server.script(problem(503, { code: 'unavailable', title: 't' }, { 'retry-after': '20' }));
    const controller = new AbortController();
    const running = createClient({ baseUrl: server.url, token }).audit.list({}, { signal: controller.signal });
    await expect.poll(() => server.received.length).toBe(1);
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });
});

describe('repeating', () => {
  it('a mint after a broken connection uses the same idempotency key', async () => {
    server.script(hangUp, problem(409, { code: 'idempotency_in_flight', title: 't' }), json(201, { id: 'tok_1' }));
    await expect(client().tokens.create({ name: 'n', scopes: [] })).resolves.toEqual({ id: 'tok_1' });
    const keys = server.received.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('two mints have two keys', async () => {
    server.script(json(201, {}));
    await client().tokens.create({ name: 'n', scopes: [] });
    await client().tokens.create({ name: 'n', scopes: [] });
    expect(new Set(server.received.map(({ headers }) => headers['idempotency-key'])).size).toBe(2);
  });

  it.each([429, 503])('%i waits as long as it was asked to', async (status) => {
    server.script(problem(status, { code: 'c', title: 't' }, { 'retry-after': '2' }), json(200, { items: [] }));
    await client().audit.list();
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeGreaterThanOrEqual(2000);
    expect(pauses[0]).toBeLessThanOrEqual(2200);
  });

  it('waits until the date that it was given, as far as that is from the date of the answer', async () => {
    const dates = { date: 'Thu, 01 Jan 2026 00:00:00 GMT', 'retry-after': 'Thu, 01 Jan 2026 00:00:07 GMT' };
    server.script(problem(503, { code: 'unavailable', title: 't' }, dates), json(200, { items: [] }));
    await client().audit.list();
    expect(pauses[0]).toBeGreaterThanOrEqual(7000);
    expect(pauses[0]).toBeLessThanOrEqual(7200);
  });

  it('is left to the caller where the wait would end after the deadline', async () => {
    server.script(problem(429, { code: 'rate_limited', title: 't' }, { 'retry-after': '60' }));
    expect(await failure(client().audit.list())).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 60 });
    expect(await failure(client({ deadlineMs: 1000 }).audit.list())).toMatchObject({ retryAfterSeconds: 60 });
    expect(pauses).toEqual([]);
  });

  it('shares one deadline, by a clock that is passed in', async () => {
    server.script(problem(503, { code: 'unavailable', title: 't' }, { 'retry-after': '3' }));
    let now = 0;
    const pause = async (milliseconds: number): Promise<void> => {
      now += milliseconds;
    };
    await failure(client({ retries: 10, deadlineMs: 10_000, now: () => now, pause }).audit.list());
    expect(server.received).toHaveLength(4);
    expect(now).toBeLessThanOrEqual(10_000);
  });

  it('stops after three', async () => {
    server.script(problem(503, { code: 'unavailable', title: 't' }));
    expect(await failure(client().tokens.revoke('tok_1'))).toMatchObject({ code: 'unavailable', status: 503 });
    expect(server.received).toHaveLength(4);
  });

  it.each([408, 429, 502, 503, 504])('is for %i', async (status) => {
    server.script((response) => response.writeHead(status).end('no problem document'), json(201, { id: 'tok_1' }));
    await expect(client().tokens.create({ name: 'n', scopes: [] })).resolves.toEqual({ id: 'tok_1' });
  });

  it.each([400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 500, 501, 505])('is not for %i', async (status) => {
    server.script(problem(status, { code: 'conflict', title: 't' }, { 'retry-after': '1' }));
    await failure(client().tokens.create({ name: 'n', scopes: [] }));
    expect(server.received).toHaveLength(1);
  });

  const risky: readonly [string, (one: Client) => Promise<unknown>][] = [
    ['PATCH', (one) => one.tokens.update('tok_1', { name: 'n' })],
    ['DELETE', (one) => one.apis.delete('api_1')],
    ['a verdict, which counts', (one) => one.verify({ token: 'x' })],
  ];
  describe.each(risky)('%s', (_name, run) => {
    it.each(['hang up', 502, 503, 504] as const)(
      'is not sent again where it may have been carried out: %s',
      async (how) => {
        server.script(how === 'hang up' ? hangUp : problem(how, { code: 'unavailable', title: 't' }));
        await failure(run(client()));
        expect(server.received).toHaveLength(1);
      },
    );

    it.each([
      [429, 'rate_limited'],
      [408, 'request_timeout'],
      [503, 'overloaded'],
    ])('is sent again where nothing of it was begun: %i %s', async (status, code) => {
      server.script(problem(status, { code, title: 't' }), json(200, { ok: true }));
      await expect(run(client())).resolves.toBeDefined();
      expect(server.received).toHaveLength(2);
    });
  });

  it('is the choice of the caller', async () => {
    server.script(hangUp, json(200, { valid: true }));
    await expect(client().verify({ token: 'x' }, { repeatable: true })).resolves.toEqual({ valid: true });
    server.script(hangUp);
    await failure(client().audit.list({}, { repeatable: false }));
    await failure(client({ retries: 0 }).audit.list());
    expect(server.received).toHaveLength(2);
  });

  it('spreads over all of the backoff, which doubles up to five seconds', () => {
    const error = new TesseraError({ kind: 'network', title: 't' });
    fc.assert(
      fc.property(fc.nat(20), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (failures, drawn) => {
        const most = Math.min(5000, 200 * 2 ** failures);
        expect(backoff(failures, () => drawn)).toBe(Math.round(drawn * most));
        expect(retryDelay(error, failures, () => drawn)).toBe(backoff(failures, () => drawn));
      }),
    );
  });
});

describe('options', () => {
  it.each<[Partial<ClientOptions>, string]>([
    [{ token: `${token}\n` }, 'token must be printable ASCII without spaces'],
    [{ token: '' }, 'token must be printable ASCII without spaces'],
    [{ baseUrl: 'localhost:8420' }, 'baseUrl must be an http or https URL'],
    [{ baseUrl: 'file:///etc/passwd' }, 'baseUrl must be an http or https URL'],
    [{ baseUrl: `http://u:${token}@h/` }, 'baseUrl must not hold a user or a password'],
    [{ baseUrl: 'http://h/?a' }, 'baseUrl must not have a query or a fragment'],
    [{ workspace: 'ws 1' }, 'workspace must be an id like ws_...'],
    [{ timeoutMs: 0 }, 'timeoutMs must be a whole number from 1 to 2147483647'],
    [{ deadlineMs: 0.5 }, 'deadlineMs must be a whole number from 1 to 2147483647'],
    [{ retries: 11 }, 'retries must be a whole number from 0 to 10'],
  ])('%j is refused', (options, message) => {
    expect(() => createClient({ baseUrl: 'http://h', token, ...options })).toThrow(new RangeError(message));
  });

  it('a client can be printed without showing its token', () => {
    expect(inspect(client(), { depth: 9, showHidden: true })).not.toContain(token);
  });
});

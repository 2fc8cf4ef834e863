/** The OAuth endpoints through the client: against the real server, and what is sent, repeated and told where something goes wrong. */
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endServers, type Server, STARTS_MS, startServer } from '../../../test/support/server.ts';
import type { OAuthErrorCode } from '../../server/src/oauth/oauth-error.ts';
import { type Client, type ClientOptions, createClient, type OAuthCode, TesseraError } from '../src/index.ts';
import { hangUp, json, type ScriptedServer, scriptedServer } from './scripted-server.ts';

async function failure(promise: Promise<unknown>): Promise<TesseraError> {
  const error: unknown = await promise.then(
    () => expect.fail('the call succeeded'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TesseraError);
  return error as TesseraError;
}

describe('against a server', () => {
  let server: Server;
  let root: Client;
  beforeAll(async () => {
    server = await startServer();
    root = createClient({ baseUrl: server.url, token: server.rootToken });
  }, STARTS_MS);
  afterAll(endServers);
  const holding = (token: string): Client => createClient({ baseUrl: server.url, token });

  it('a token is exchanged by who holds it, and told of as long as it lives', async () => {
    const { id, token } = await root.tokens.create({ name: 'long', scopes: ['a', 'b'] });
    const short = await holding(token).oauth.exchange({ scopes: ['a'], expiresIn: 300, audience: 'default' });
    expect(short).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'a' });
    expect(short.access_token).toMatch(/^eyJ/);
    expect(await root.oauth.introspect(short.access_token)).toMatchObject({
      active: true,
      scope: 'a',
      client_id: id,
      tsr: { up: [id], name: 'long' },
    });
    await root.oauth.revoke(token);
    expect(await root.oauth.introspect(short.access_token)).toEqual({ active: false });
    await root.oauth.revoke(token);
    expect((await root.tokens.get(id)).status).toBe('revoked');
  });

  it('of somebody else it is exchanged under the name of the client, where that is wanted', async () => {
    const { token } = await root.tokens.create({ name: 'long', scopes: ['a'] });
    const broker = await root.tokens.create({ name: 'broker', scopes: [] });
    const { oauth } = holding(broker.token);
    const clientOf = async (asClient: boolean): Promise<unknown> => {
      const { access_token } = await oauth.exchange({ subjectToken: token, format: 'opaque', asClient });
      expect(access_token).toMatch(/^tsr_live_/);
      const told = await root.oauth.introspect(access_token);
      return told.active && told.client_id === broker.id;
    };
    expect([await clientOf(false), await clientOf(true)]).toEqual([false, true]);
    expect(await failure(oauth.revoke(token, { asClient: true }))).toMatchObject({
      code: 'insufficient_scope',
      status: 403,
    });
    await holding(broker.token).oauth.revoke(broker.token, { asClient: true });
    expect((await root.tokens.get(broker.id)).status).toBe('revoked');
  });

  it('a refusal has a code of the list, and says why in words', async () => {
    const { token } = await root.tokens.create({ name: 'long', scopes: ['a'] });
    const { oauth } = holding(token);
    const facts = { kind: 'problem', status: 400, rawCode: undefined };
    expect(await failure(oauth.exchange({ scopes: ['b'] }))).toMatchObject({
      ...facts,
      code: 'invalid_scope',
      message: 'the token does not hold this scope',
    });
    expect(await failure(oauth.exchange({ audience: 'https://other' }))).toMatchObject({
      ...facts,
      code: 'invalid_target',
    });
    expect(await failure(oauth.exchange({ expiresIn: 3601 }))).toMatchObject({ ...facts, code: 'invalid_request' });
    expect(await failure(oauth.introspect(token))).toMatchObject({ code: 'insufficient_scope', status: 403 });
    await root.oauth.revoke(token);
    expect(await failure(oauth.exchange())).toMatchObject({ ...facts, code: 'invalid_request' });
    expect(await failure(oauth.introspect(token))).toMatchObject({ code: 'invalid_token', status: 401 });
  });
});

describe('whatever answers', () => {
  const own = 'tsr_test_0123456789012345678901234567890123456789012000000';
  const other = 'tsr_test_9876543210987654321098765432109876543210987000000';
  let server: ScriptedServer;
  beforeAll(async () => {
    server = await scriptedServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const client = (options: Partial<ClientOptions> = {}): Client =>
    createClient({ baseUrl: server.url, token: own, pause: async () => undefined, ...options });
  const given = { access_token: 'x', token_type: 'Bearer', expires_in: 1, scope: 'a' };
  const sent = () => server.received.map(({ url, headers, body }) => [url, headers.authorization, body]);

  it('a form is sent, and who asks is told only where it has to be', async () => {
    server.script(json(200, given), json(200, { active: false }), (response) => response.end());
    const { oauth } = client();
    await oauth.exchange({ subjectToken: other, scopes: ['a', 'b'], expiresIn: 60, format: 'opaque' });
    await oauth.introspect(other);
    await oauth.revoke(other);
    const type = 'urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token';
    const grant = 'urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange';
    const form = `subject_token=${other}&subject_token_type=${type}&requested_token_type=${type}`;
    expect(sent()).toEqual([
      ['/oauth/token', undefined, `grant_type=${grant}&${form}&scope=a+b&expires_in=60`],
      ['/oauth/introspect', `Bearer ${own}`, `token=${other}`],
      ['/oauth/revoke', undefined, `token=${other}`],
    ]);
  });

  it('what can do no harm is sent again; an exchange only where it was not begun, or the caller says so', async () => {
    const { oauth } = client();
    server.script(hangUp, json(200, { active: false }));
    expect(await oauth.introspect(other)).toEqual({ active: false });
    server.script(json(503, { error: 'temporarily_unavailable' }), (response) => response.end());
    await oauth.revoke(other);
    expect(server.received).toHaveLength(2);
    server.script(json(429, { error: 'temporarily_unavailable' }), json(200, given));
    expect(await oauth.exchange()).toEqual(given);
    server.script(hangUp, json(200, given));
    expect(await failure(oauth.exchange())).toMatchObject({ code: 'network' });
    server.script(json(503, { error: 'temporarily_unavailable', error_description: 'try again' }), json(200, given));
    expect(await failure(oauth.exchange())).toMatchObject({
      code: 'temporarily_unavailable',
      message: 'try again',
      status: 503,
    });
    server.script(hangUp, json(200, given));
    expect(await oauth.exchange({}, { repeatable: true })).toEqual(given);
  });

  it('neither of the tokens is in an error', async () => {
    server.script(json(400, { error: 'invalid_request', error_description: `got ${other} of ${own}` }));
    const error = await failure(client().oauth.exchange({ subjectToken: other }));
    expect(error.message).toBe('got [token] of [token]');
    expect(inspect(error)).not.toMatch(/tsr_test_/);
  });

  it.each<[string, unknown, (one: Client) => Promise<unknown>]>([
    ['a token that is none', { ...given, access_token: 1 }, ({ oauth }) => oauth.exchange()],
    ['no token', {}, ({ oauth }) => oauth.exchange()],
    ['a text for a word', { active: 'false' }, ({ oauth }) => oauth.introspect(other)],
    ['null', null, ({ oauth }) => oauth.introspect(other)],
  ])('%s is no answer', async (_name, body, run) => {
    server.script(json(200, body));
    expect(await failure(run(client()))).toMatchObject({ kind: 'protocol', code: 'protocol' });
  });

  it('an error that is not of OAuth is one of protocol', async () => {
    server.script(json(502, { error: 'Bad Gateway' }));
    expect(await failure(client({ retries: 0 }).oauth.introspect(other))).toMatchObject({
      kind: 'protocol',
      status: 502,
    });
  });

  it.each<[string, (one: Client) => Promise<unknown>]>([
    ['scopes', ({ oauth }) => oauth.exchange({ scopes: [] })],
    ['audience', ({ oauth }) => oauth.exchange({ audience: '' })],
    ['token', ({ oauth }) => oauth.revoke('')],
  ])('%s that say nothing are not sent', async (what, run) => {
    server.script(json(200, {}));
    await expect(run(client())).rejects.toThrow(new RangeError(`${what} must not be empty`));
    expect(server.received).toEqual([]);
  });
});

it('the codes are those of the server', () => {
  // Compiles only while both lists are the same.
  const told = (code: OAuthErrorCode): OAuthCode => code;
  const known = (code: OAuthCode): OAuthErrorCode => code;
  expect(known(told('invalid_target'))).toBe('invalid_target');
});

/** Clients that find out by themselves: discovery (RFC 8414), and a library that others use against the endpoints. */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, newWorkspace, type Workspace } from './support/call.ts';
import { freePort } from './support/free-port.ts';
import { basic, bearer, post } from './support/oauth.ts';
import { endServers, type Server, STARTS_MS, startServer } from './support/server.ts';

let server: Server;
let workspace: Workspace;
let as: oauth.AuthorizationServer;
let client: oauth.Client;
let secret: string;
const CLEAR = { [oauth.allowInsecureRequests]: true };

beforeAll(async () => {
  const port = String(await freePort());
  server = await startServer({ env: { TESSERA_PORT: port, TESSERA_PUBLIC_URL: `http://127.0.0.1:${port}` } });
  workspace = await newWorkspace(server);
  const { id, token } = await workspace.root.mint({
    api: 'tessera',
    name: 'client',
    scopes: ['verify', 'tokens:write'],
  });
  client = { client_id: id, introspection_signed_response_alg: 'EdDSA' };
  secret = token;
  const issuer = new URL(`${server.url}/workspaces/${workspace.id}`);
  const response = await oauth.discoveryRequest(issuer, { ...CLEAR, algorithm: 'oauth2' });
  as = await oauth.processDiscoveryResponse(issuer, response);
}, STARTS_MS);
afterAll(endServers);

describe('discovery', () => {
  it('tells of each workspace as an issuer of its own, at the well-known place before its path', async () => {
    const own = await call(server, `GET /.well-known/oauth-authorization-server/workspaces/${workspace.id}`);
    expect(own.status).toBe(200);
    expect(own.headers.get('cache-control')).toBe('public, max-age=300');
    expect(own.body).toMatchObject({
      issuer: `${server.url}/workspaces/${workspace.id}`,
      jwks_uri: `${server.url}/workspaces/${workspace.id}/jwks.json`,
      introspection_endpoint: `${server.url}/oauth/introspect`,
      revocation_endpoint: `${server.url}/oauth/revoke`,
      token_endpoint: `${server.url}/oauth/token`,
      grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange'],
    });
    const main = await call(server, 'GET /.well-known/oauth-authorization-server');
    expect(main.body).toMatchObject({ issuer: server.url, jwks_uri: `${server.url}/.well-known/jwks.json` });
    for (const path of ['jwks_uri', 'introspection_endpoint', 'revocation_endpoint', 'token_endpoint'])
      expect((await fetch(String(main.body[path]))).status).not.toBe(404);
  });

  it('of nothing else', async () => {
    const paths = ['/workspaces/ws_unknown', '/workspaces/', '/', '/oauth', `/workspaces/${workspace.id}/x`];
    for (const path of paths)
      expect((await call(server, `GET /.well-known/oauth-authorization-server${path}`)).status).toBe(404);
    const changed = await call(server, 'POST /.well-known/oauth-authorization-server');
    expect([changed.status, changed.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it(
    'and not where nobody has said under which address we are reached',
    async () => {
      const own = await startServer();
      const told = await call(own, 'GET /.well-known/oauth-authorization-server');
      expect([told.status, told.body.detail]).toEqual([404, 'the setting publicUrl is not set']);
    },
    STARTS_MS,
  );
});

describe('oauth4webapi', () => {
  const ways: readonly (readonly [string, () => oauth.ClientAuth])[] = [
    ['client_secret_basic', () => oauth.ClientSecretBasic(secret)],
    ['client_secret_post', () => oauth.ClientSecretPost(secret)],
  ];
  it.each(ways)('introspects with %s', async (_way, way) => {
    const { token, id } = await workspace.admin.mint({ scopes: ['a', 'b'] });
    const response = await oauth.introspectionRequest(as, client, way(), token, {
      ...CLEAR,
      requestJwtResponse: false,
    });
    expect(await oauth.processIntrospectionResponse(as, client, response)).toMatchObject({
      active: true,
      iss: as.issuer,
      jti: id,
      scope: 'a b',
    });
  });

  it('introspects, and verifies that the answer was signed for it (RFC 9701)', async () => {
    const { token, id } = await workspace.admin.mint({ scopes: ['a'] });
    const ask = () =>
      oauth.introspectionRequest(as, client, oauth.ClientSecretBasic(secret), token, {
        ...CLEAR,
        requestJwtResponse: true,
      });
    const response = await ask();
    expect(response.headers.get('content-type')).toBe('application/token-introspection+jwt');
    expect(await oauth.processIntrospectionResponse(as, client, response)).toMatchObject({ active: true, jti: id });
    await oauth.validateApplicationLevelSignature(as, response, CLEAR);
    await workspace.admin.do('tokens.revoke', { id });
    const ended = await ask();
    expect(await oauth.processIntrospectionResponse(as, client, ended)).toEqual({ active: false });
    await oauth.validateApplicationLevelSignature(as, ended, CLEAR);
  });

  it('revokes', async () => {
    const { token } = await workspace.admin.mint();
    const mine = await oauth.revocationRequest(as, client, oauth.ClientSecretBasic(secret), token, CLEAR);
    expect(await oauth.processRevocationResponse(mine)).toBeUndefined();
    expect((await workspace.admin.verify(token)).code).toBe('revoked');
    const own = await workspace.admin.mint();
    const bare = await oauth.revocationRequest(as, { client_id: own.id }, oauth.None(), own.token, CLEAR);
    expect(await oauth.processRevocationResponse(bare)).toBeUndefined();
    expect((await workspace.admin.verify(own.token)).code).toBe('revoked');
  });
});

describe('oauth4webapi exchanges', () => {
  const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
  const parametersOf = (token: string) => ({
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    scope: 'a',
  });

  it('a token for a signed one, which it validates as a service would (RFC 9068)', async () => {
    const api = await workspace.admin.do('apis.create', {
      body: { audience: 'https://a.example.test', scopes: { a: 'A', b: 'B' } },
    });
    const { token } = await workspace.admin.mint({ api: api.id, scopes: ['a', 'b'] });
    const asked = await oauth.genericTokenEndpointRequest(
      as,
      client,
      oauth.ClientSecretBasic(secret),
      GRANT,
      parametersOf(token),
      CLEAR,
    );
    const given = await oauth.processGenericTokenEndpointResponse(as, client, asked);
    expect(given).toMatchObject({ token_type: 'bearer', scope: 'a', expires_in: 600 });
    const request = new Request('https://a.example.test/', { headers: bearer(given.access_token) });
    const claims = await oauth.validateJwtAccessToken(as, request, api.audience, CLEAR);
    expect(claims).toMatchObject({ client_id: client.client_id, scope: 'a' });
  });

  it('a token for one that is bound to its key (RFC 9449)', async () => {
    const { token } = await workspace.admin.mint({ scopes: ['a'] });
    const keys = await oauth.generateKeyPair('ES256', { extractable: true });
    const proofs = oauth.DPoP(client, keys);
    const asked = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), GRANT, parametersOf(token), {
      ...CLEAR,
      DPoP: proofs,
    });
    const given = await oauth.processGenericTokenEndpointResponse(as, client, asked);
    expect(given.token_type).toBe('dpop');
    expect(decodeJwt(given.access_token).cnf).toEqual({ jkt: await proofs.calculateThumbprint() });
  });

  it('and hears why not', async () => {
    const { token } = await workspace.admin.mint({ scopes: ['b'] });
    const asked = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), GRANT, parametersOf(token), CLEAR);
    const refused = oauth.processGenericTokenEndpointResponse(as, client, asked);
    await expect(refused).rejects.toMatchObject({ error: 'invalid_scope', status: 400 });
  });
});

describe('a signed answer', () => {
  const TYPE = 'application/token-introspection+jwt';
  const asked = async (accept: string, token = 'x') =>
    post(server, '/oauth/introspect', { token }, { ...basic(String(client.client_id), secret), Accept: accept });

  it('comes where it is asked for by its name, and not for less', async () => {
    const types = async (accept: string) => (await asked(accept)).headers.get('content-type');
    for (const accept of [TYPE, TYPE.toUpperCase(), `application/json;q=0.5, ${TYPE}`, `text/html, ${TYPE};q=0.1`])
      expect([accept, await types(accept)]).toEqual([accept, TYPE]);
    for (const accept of ['*/*', 'application/*', `${TYPE};q=0`, `application/json, ${TYPE};q=0.9`, `${TYPE};q=x`])
      expect([accept, await types(accept)]).toEqual([accept, 'application/json']);
  });

  it('is no token: its type says what it is, and it has neither subject nor end', async () => {
    const { token } = await workspace.admin.mint();
    const { text } = await asked(TYPE, token);
    expect(decodeProtectedHeader(text)).toEqual({
      alg: 'EdDSA',
      typ: 'token-introspection+jwt',
      kid: expect.any(String),
    });
    const claims = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
    expect(Object.keys(claims).sort()).toEqual(['aud', 'iat', 'iss', 'token_introspection']);
    expect(claims).toMatchObject({ aud: client.client_id, iss: as.issuer, token_introspection: { active: true } });
    expect((await workspace.admin.verify(text)).valid).toBe(false);
    expect((await asked(TYPE, text)).text).not.toContain('"active":true');
  });

  it('is signed with the key that is active, also just after it took the place of another', async () => {
    const kid = async () => decodeProtectedHeader((await asked(TYPE)).text).kid;
    const first = await kid();
    const { active } = await workspace.admin.do('keys.rotate', { body: { alg: 'EdDSA' } });
    expect(active.id).not.toBe(first);
    expect(await kid()).toBe(active.id);
  });

  it('is not given where every key was retired on purpose', async () => {
    const own = await newWorkspace(server);
    const manager = await own.scoped('verify');
    const ask = () => post(server, '/oauth/introspect', { token: 'x' }, { ...bearer(manager.token), Accept: TYPE });
    const { kid } = decodeProtectedHeader((await ask()).text);
    await own.admin.do('keys.retire', { id: String(kid) });
    const { status, body } = await ask();
    expect([status, body.error]).toEqual([503, 'temporarily_unavailable']);
  });
});

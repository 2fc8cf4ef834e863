import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lines, type TestGateway, TOKEN, testGateway } from './support/gateway.ts';
import { OK, valuesOf } from './support/recording-upstream.ts';

describe('an upstream hears from us alone who calls', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await testGateway();
  });
  beforeEach(() => {
    gateway.upstream.requests.length = 0;
    gateway.upstream.answer = OK;
  });
  afterAll(() => gateway.close());

  it('gets the identity of the token, the request id and the hops, and not the credential', async () => {
    const answer = await gateway.get('/orders?x=1', [
      `Authorization: Bearer ${TOKEN}`,
      'X-Request-Id: r-1',
      'Accept: a/b',
    ]);
    expect(answer.status).toBe(200);
    expect(answer.body).toBe('hello');
    expect(answer.head).toContain('\r\nX-Request-Id: r-1');
    const [request = ''] = gateway.upstream.requests;
    expect(request.split('\r\n')).toEqual([
      'GET /orders?x=1 HTTP/1.1',
      `host: ${gateway.upstream.authority}`,
      'connection: keep-alive',
      'Accept: a/b',
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Host: a.test',
      'X-Forwarded-Proto: http',
      'X-Request-Id: r-1',
      'X-Tessera-Token-Id: tok_1',
      'X-Tessera-Owner: own_1',
      'X-Tessera-Scopes: orders:read orders:list',
      '',
      '',
    ]);
  });

  const forged = [
    'X-Tessera-Owner',
    'X_Tessera_Owner',
    'X.Tessera.Owner',
    'X!Tessera!Owner',
    "X~Tessera'Owner",
    'x-TESSERA-owner',
    'X-Tessera_Owner',
    'x-tessera-internal',
    'X-Tessera-Anything',
  ];
  it.each(forged)('strips a client field %s', async (name) => {
    await gateway.get('/', [`${name}: forged`, `Authorization: Bearer ${TOKEN}`, `${name}: forged-again`]);
    const [request = ''] = gateway.upstream.requests;
    expect(request).not.toContain('forged');
    expect(valuesOf(request, 'x-tessera-owner')).toEqual(['own_1']);
  });

  const addresses = [
    'Forwarded: for=6.6.6.6',
    'X-Real-IP: 6.6.6.6',
    'CF-Connecting-IP: 6.6.6.6',
    'True-Client-IP: 6.6.6.6',
    'X-Forwarded-For: 6.6.6.6',
    'X_Forwarded_For: 6.6.6.6',
    'X-Forwarded-Host: 6.6.6.6',
    'X-Forwarded-User: 6.6.6.6',
    'X.Real+IP: 6.6.6.6',
    'X-Forwarded: for=6.6.6.6',
    'Forwarded-For: 6.6.6.6',
    'X-Envoy-External-Address: 6.6.6.6',
    'X-SSL-Client-CN: 6.6.6.6',
    'Proxy: http://6.6.6.6',
    'X-Original-URL: /6.6.6.6',
    'X-HTTP-Method-Override: 6.6.6.6',
  ];
  it.each(addresses)('strips %s of a peer that is not trusted', async (field) => {
    await gateway.get('/', [field, `Authorization: Bearer ${TOKEN}`]);
    const [request = ''] = gateway.upstream.requests;
    expect(request).not.toContain('6.6.6.6');
    expect(valuesOf(request, 'x-forwarded-for')).toEqual(['127.0.0.1']);
  });

  const named = [
    'x-tessera-owner',
    'X-Tessera-Scopes, close',
    'close, X-Forwarded-Host',
    'authorization',
    'x-request-id',
  ];
  it.each(named)('keeps its own fields where the client sends Connection: %s', async (value) => {
    const answer = await gateway.raw(
      [
        'GET / HTTP/1.1\r\n',
        lines('Host: a.test', `Authorization: Bearer ${TOKEN}`, `Connection: close, ${value}`),
      ].join(''),
    );
    expect(answer.status).toBe(200);
    const [request = ''] = gateway.upstream.requests;
    expect(valuesOf(request, 'x-tessera-owner')).toEqual(['own_1']);
    expect(valuesOf(request, 'x-tessera-scopes')).toEqual(['orders:read orders:list']);
    expect(valuesOf(request, 'x-forwarded-host')).toEqual(['a.test']);
    expect(valuesOf(request, 'x-request-id')).toHaveLength(1);
    expect(valuesOf(request, 'authorization')).toEqual([]);
  });

  it('drops what belongs to the connection, and what the client names there', async () => {
    const fields = [
      'Connection: close, X-Hop',
      'X-Hop: 1',
      'TE: trailers',
      'Trailer: x',
      'Proxy-Authorization: Basic eA==',
    ];
    const kept = 'X-Kept: 1';
    await gateway.raw(
      `GET / HTTP/1.1\r\n${lines('Host: a.test', `X-API-Key: ${TOKEN}`, ...fields, 'Keep-Alive: timeout=5', kept)}`,
    );
    const [request = ''] = gateway.upstream.requests;
    for (const name of ['x-hop', 'te', 'trailer', 'proxy-authorization', 'keep-alive', 'x-api-key'])
      expect(valuesOf(request, name), name).toEqual([]);
    expect(valuesOf(request, 'x-kept')).toEqual(['1']);
    expect(valuesOf(request, 'connection')).toEqual(['keep-alive']);
  });
});

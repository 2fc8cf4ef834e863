/** Every operation is sent with the method, path, query, body and headers that the contract names. */
import { type OperationName, operationList } from '@tessera/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Call, createClient } from '../src/index.ts';
import { json, type ScriptedServer, scriptedServer } from './scripted-server.ts';

const token = 'tsr_test_0123456789012345678901234567890123456789012000000';
let server: ScriptedServer;
beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => server[Symbol.asyncDispose]());

describe('call', () => {
  it.each(operationList)('%s follows the contract', async (name, operation) => {
    server.script(operation.status === 204 ? (response) => response.writeHead(204).end() : json(operation.status, {}));
    const input = {
      ...(operation.params === undefined ? {} : { params: { id: 'x/ä?', seq: 'x/ä?' } }),
      ...(operation.query === undefined ? {} : { query: { limit: 7 } }),
      ...(operation.body === undefined ? {} : { body: { name: 'n' } }),
    };
    await (createClient({ baseUrl: server.url, token }).call as AnyCall)(name, input);
    const [sent] = server.received;
    const path = operation.path.replace(/\{[a-z]+\}/, 'x%2F%C3%A4%3F');
    expect(sent?.method).toBe(operation.method);
    expect(sent?.url).toBe(operation.query === undefined ? path : `${path}?limit=7`);
    expect(sent?.body).toBe(operation.body === undefined ? '' : '{"name":"n"}');
    expect(sent?.headers.authorization).toBe(`Bearer ${token}`);
    expect(sent?.headers.accept).toBe('application/json');
    expect(sent?.headers['idempotency-key'] !== undefined).toBe(operation.method === 'POST' && operation.changes);
  });

  it('refuses an id that would step to another path, before anything is sent', async () => {
    const client = createClient({ baseUrl: server.url, token });
    server.script(json(200, {}));
    for (const id of ['', '.', '..']) {
      await expect(client.tokens.get(id)).rejects.toThrow(new RangeError('id cannot be part of a path'));
    }
    expect(server.received).toEqual([]);
  });

  it('sends what the caller gives: idempotency key, version, workspace, user agent, base path', async () => {
    server.script(json(201, {}));
    const client = createClient({ baseUrl: `${server.url}/base/`, token, workspace: 'ws_1', userAgent: 'mine/1' });
    await client.tokens.rotate('tok_1', { graceSeconds: 0 }, { idempotencyKey: 'k1', ifMatch: '"v3"' });
    expect(server.received[0]).toMatchObject({
      url: '/base/v1/tokens/tok_1/rotate',
      headers: { 'idempotency-key': 'k1', 'if-match': '"v3"', 'tessera-workspace': 'ws_1', 'user-agent': 'mine/1' },
      body: '{"graceSeconds":0}',
    });
  });

  it('send gives the version, status and request id beside the answer', async () => {
    server.script(json(200, { id: 'tok_1' }, { etag: '"v1"', 'x-request-id': 'req_1' }));
    const reply = await createClient({ baseUrl: server.url, token }).send('tokens.get', { params: { id: 'tok_1' } });
    expect(reply).toEqual({ data: { id: 'tok_1' }, status: 200, etag: '"v1"', requestId: 'req_1' });
  });
});

describe('groups', () => {
  const client = createClient({ baseUrl: 'http://127.0.0.1:1', token, fetch: async () => new Response('{}') });
  it('hold every operation of the contract but those that verifiers call', () => {
    const ofPeople = operationList.filter(([, { tag }]) => tag !== 'verifiers');
    const spelled = ofPeople.map(([name]) => name.split('.') as [string, string]);
    for (const [group, verb] of spelled) {
      const found = group === 'verify' ? client : (client as unknown as Record<string, object>)[group];
      const member = group === 'verify' ? { one: 'verify', batch: 'verifyBatch' }[verb] : verb;
      expect(found, group).toHaveProperty(member ?? '', expect.any(Function));
    }
  });

  it('name the operation that they are called after', async () => {
    const seen: string[] = [];
    const spy = createClient({
      baseUrl: 'http://127.0.0.1:1',
      token,
      fetch: async (url, init) => {
        seen.push(`${init?.method} ${new URL(String(url)).pathname} ${String(init?.body ?? '')}`.trim());
        return new Response('{"items":[],"nextCursor":null}');
      },
    });
    const body = { name: 'n' } as never;
    for (const group of [spy.apis, spy.owners, spy.roles, spy.workspaces]) {
      await group.create(body);
      await group.list();
      await group.get('1');
      await group.update('1', body);
      await group.delete('1');
    }
    expect(seen).toEqual(
      ['apis', 'owners', 'roles', 'workspaces'].flatMap((name) => [
        `POST /v1/${name} {"name":"n"}`,
        `GET /v1/${name}`,
        `GET /v1/${name}/1`,
        `PATCH /v1/${name}/1 {"name":"n"}`,
        `DELETE /v1/${name}/1`,
      ]),
    );
    seen.length = 0;
    await spy.tokens.create(body);
    await spy.tokens.createBatch([body]);
    await spy.tokens.import([body]);
    await spy.tokens.update('1', body);
    await spy.tokens.rotate('1');
    await spy.tokens.cancelRotation('1');
    await spy.tokens.revoke('1', { reason: 'r' });
    await spy.tokens.usage('1');
    await spy.verify(body);
    await spy.verifyBatch([body]);
    await spy.audit.list();
    await spy.audit.verify();
    await spy.audit.checkpoint();
    await spy.changes.list();
    expect(seen).toEqual([
      'POST /v1/tokens {"name":"n"}',
      'POST /v1/tokens/batch {"items":[{"name":"n"}]}',
      'POST /v1/tokens/import {"items":[{"name":"n"}]}',
      'PATCH /v1/tokens/1 {"name":"n"}',
      'POST /v1/tokens/1/rotate',
      'POST /v1/tokens/1/rotate/cancel',
      'POST /v1/tokens/1/revoke {"reason":"r"}',
      'GET /v1/tokens/1/usage',
      'POST /v1/verify {"name":"n"}',
      'POST /v1/verify/batch {"items":[{"name":"n"}]}',
      'GET /v1/audit',
      'GET /v1/audit/verify',
      'GET /v1/audit/checkpoint',
      'GET /v1/changes',
    ]);
  });
});

/** `call` with the types of one operation forgotten, to walk all of them. */
type AnyCall = (name: OperationName, input: object) => ReturnType<Call>;

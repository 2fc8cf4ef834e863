/** What an operator relies on: probes, metrics, the description, a stop that loses nothing, a reload that breaks nothing. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { operationList } from '@tessera/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, caller, newWorkspace, problemOf } from './support/call.ts';
import { follow } from './support/events.ts';
import { metric } from './support/metrics.ts';
import { endServers, type Server, STARTS_MS, startServer, writeConfig } from './support/server.ts';
import { slowMint } from './support/slow-request.ts';
import { until } from './support/until.ts';

afterAll(endServers);

describe('the pages of a server', () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer();
  });

  it('tell that it lives, is ready, and what it is', async () => {
    const health = await call(server, 'GET /healthz');
    expect([health.status, health.body]).toEqual([200, { status: 'ok' }]);
    expect(health.headers.get('cache-control')).toBe('no-store');
    expect((await call(server, 'GET /readyz')).body).toEqual({
      status: 'ready',
      checks: { store: 'ok', feed: 'ok', accepting: 'ok' },
    });
    expect((await call(server, 'GET /version')).body).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      node: process.version,
    });
    expect(problemOf(await call(server, 'GET /v1/nothing'))).toMatchObject({ status: 404, detail: 'no such path' });
  });

  it('count in metrics without a token, owner, id, path or address as a label', async () => {
    const { admin } = await newWorkspace(server, 'measured');
    const owner = await admin.do('owners.create', { body: { type: 'user', name: 'measured-owner' } });
    const { token, id } = await admin.mint({ owner: owner.id });
    await admin.verify(token);
    await admin.ask('tokens.get', { id });
    await call(server, 'GET /v1/nobody-knows-this-path', { token });
    await call({ url: server.gateway }, 'GET /echo/some-path', { token });
    await call({ url: server.gateway }, 'GET /secret-path', { token });
    const page = await call(server, 'GET /metrics');
    expect(page.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const labels = new Set([...page.text.matchAll(/[{,](\w+)="/g)].map(([, name]) => name));
    for (const name of ['token', 'owner', 'id', 'path', 'address', 'workspace']) expect(labels).not.toContain(name);
    // Where the targets of a route are, the operator wrote into the configuration.
    const text = page.text.replaceAll(/,target="http:[^"]+"/g, '');
    for (const told of [id, owner.id, token, 'nobody-knows', 'some-path', 'secret-path', '127.0.0.1']) {
      expect(text).not.toContain(told);
    }
    expect(text).not.toMatch(/(?:tok|own|ws|api|role)_[0-9a-z]{20}/);
    expect(await metric(server, 'tessera_verifications_total{door="verify",result="ok"}')).toBe(1);
    for (const door of ['verify', 'gateway', 'api']) {
      const verdicts = [
        ...page.text.matchAll(new RegExp(`^tessera_verifications_total\\{door="${door}",.* (\\d+)$`, 'gm')),
      ];
      const sum = verdicts.reduce((count, [, one]) => count + Number(one), 0);
      expect(sum).toBeGreaterThan(0);
      expect(await metric(server, `tessera_verify_duration_seconds_count{door="${door}"}`)).toBe(sum);
    }
    expect(await metric(server, 'tessera_tokens_minted_total{kind="api_key"}')).toBe(2);
    await admin.do('tokens.revoke', { id });
    expect(await metric(server, 'tessera_tokens_revoked_total')).toBe(1);
  });

  it('describe every operation in OpenAPI 3.1', async () => {
    type Schema = Record<string, unknown>;
    interface Described {
      readonly operationId: string;
      readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
      readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
      readonly responses: Record<string, { readonly description: string; readonly content?: Record<string, Schema> }>;
    }
    const { body } = await call<{
      openapi: string;
      info: { title: string; version: string };
      paths: Record<string, Record<string, Described>>;
      components: Record<string, Record<string, unknown>>;
      security: Record<string, unknown>[];
    }>(server, 'GET /openapi.json');
    expect(body.openapi).toMatch(/^3\.1\.\d+$/);
    expect(body.info).toMatchObject({ title: 'Tessera', version: expect.stringMatching(/./) });
    const described = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
    expect(described.map(({ operation }) => operation.operationId).sort()).toEqual(
      operationList.map(([name]) => name).sort(),
    );
    for (const { path, method, operation } of described) {
      const known = operationList.find(([name]) => name === operation.operationId)?.[1];
      expect([path, method.toUpperCase()]).toEqual([known?.path, known?.method]);
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(declared.map(({ name }) => name)).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(declared.every(({ required }) => required === true)).toBe(true);
      expect(operation.requestBody !== undefined).toBe(known?.body !== undefined);
      expect(Object.keys(operation.responses)).toContain(String(known?.status));
      for (const status of ['401', '403', '429', '503']) expect(operation.responses[status]).toBeDefined();
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^[1-5]\d\d$/);
        expect(response.description).not.toBe('');
      }
      const names = (operation.parameters ?? []).map((parameter) => `${parameter.in}:${parameter.name}`);
      expect(new Set(names).size).toBe(names.length);
    }
    for (const scheme of body.security.flatMap(Object.keys)) {
      expect(Object.keys(body.components.securitySchemes ?? {})).toContain(scheme);
    }
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference = '']) => reference);
    expect(references.length).toBeGreaterThan(10);
    for (const reference of new Set(references)) {
      const found = reference
        .slice('#/'.length)
        .split('/')
        .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], body);
      expect(found, reference).toBeDefined();
    }
  });
});

describe('a stop', { timeout: STARTS_MS }, () => {
  /** The listener takes nobody any more. */
  const closed = (server: Server): Promise<boolean> =>
    until(
      () =>
        call(server, 'GET /healthz', { headers: { Connection: 'close' } }).then(
          () => false,
          () => true,
        ),
      (refused) => refused,
    );

  it('answers what is under way, takes nothing new, and exits with 0', async () => {
    const server = await startServer();
    const { finish } = await slowMint(server, server.rootToken);
    server.signal('SIGTERM');
    await closed(server);
    const answer = await finish();
    expect(answer).toMatch(/HTTP\/1\.1 201 Created\r\n/);
    expect(answer).toContain('Connection: close');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    const id = /"id":"(tok_\w+)"/.exec(answer)?.[1] ?? '';
    const again = await startServer({ data: server.data, rootToken: server.rootToken });
    expect((await caller(again, again.rootToken).do('tokens.get', { id })).name).toBe('slow');
  });

  it('is immediate when it is asked for twice', async () => {
    const server = await startServer({ env: { TESSERA_SHUTDOWN_SECONDS: '3600' } });
    const { left } = await slowMint(server, server.rootToken);
    server.signal('SIGTERM');
    await closed(server);
    // Asked for once, it would wait for the slow one for an hour.
    server.signal('SIGTERM');
    expect((await server.exited).code).toBe(1);
    await left;
  });

  it('waits no longer than it was told, and not for who only listens', async () => {
    const server = await startServer({ env: { TESSERA_SHUTDOWN_SECONDS: '1' } });
    const { left } = await slowMint(server, server.rootToken);
    const stream = await follow(server, server.rootToken);
    server.signal('SIGTERM');
    const cut = stream.next().catch(() => undefined);
    expect((await server.exited).code).toBe(0);
    await left;
    expect(await cut).toBeUndefined();
  });

  it('writes the uses that were counted and not yet written', async () => {
    const server = await startServer();
    const root = caller(server, server.rootToken);
    const { id, token } = await root.mint();
    for (let use = 0; use < 5; use += 1) await root.verify(token);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    const again = await startServer({ data: server.data, rootToken: server.rootToken });
    expect((await caller(again, again.rootToken).do('tokens.usage', { id })).allowed).toBe(5);
  });
});

describe('a reload of the configuration', () => {
  const upstream = createServer((request, response) => response.end(request.url));
  afterAll(() => void upstream.close());

  it('changes the routes without a restart, and keeps the old ones where the new file is wrong', async () => {
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const route = (name: string) => `  - { name: ${name}, match: { path: /${name} }, upstream: "${origin}" }\n`;
    const server = await startServer({ config: `routes:\n${route('one')}` });
    const { token } = await caller(server, server.rootToken).mint();
    const asked = async (path: string) =>
      (await call({ url: server.gateway }, `GET ${path}` as 'GET /', { token })).status;
    expect([await asked('/one'), await asked('/two')]).toEqual([200, 404]);

    writeConfig(server.data, `routes:\n${route('one')}${route('two')}`);
    server.signal('SIGHUP');
    await server.printed(/the configuration was reloaded/);
    expect([await asked('/one'), await asked('/two')]).toEqual([200, 200]);

    writeConfig(server.data, `routes:\n${route('one')}  - { name: three, mach: { path: /three } }\n`);
    server.signal('SIGHUP');
    const [line] = await server.printed(/.*the configuration was not reloaded.*/);
    expect(JSON.parse(line)).toMatchObject({ level: 'error' });
    expect(line).toMatch(/tessera\.yaml:3:\d+ routes\[1\].*did you mean \\"match\\"\?/);
    expect([await asked('/one'), await asked('/two'), await asked('/three')]).toEqual([200, 200, 404]);
    expect(await metric(server, 'tessera_config_last_reload_successful')).toBe(0);

    // Unchanged since, so that only the signal can have asked for it.
    server.signal('SIGHUP');
    await server.printed(/(?:was not reloaded[\s\S]*){2}/);
    expect((await call(server, 'GET /healthz')).status).toBe(200);
  });
});

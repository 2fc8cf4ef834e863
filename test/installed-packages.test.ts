/** `npm run packages`: what a service elsewhere installs needs no registry, no compiler and no checkout, and is typed. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Caller, caller } from './support/call.ts';
import { endServers, type Server, STARTS_MS, startServer, temporaryFolder } from './support/server.ts';
import { until } from './support/until.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..');
const AUDIENCE = 'https://orders.example.test';

let server: Server;
let admin: Caller;
/** Where the archives are, and the project that installed them. */
let archives: string;
let project: string;

beforeAll(async () => {
  archives = temporaryFolder();
  project = temporaryFolder();
  await run(process.execPath, [join(root, 'deploy/packages.ts'), archives]);
  writeFileSync(join(project, 'package.json'), '{ "name": "orders", "type": "module" }');
  await install('verify');
  server = await startServer();
  admin = caller(server, server.rootToken);
}, STARTS_MS);
afterAll(endServers);

it('an archive holds JavaScript, declarations and what it needs of ours: no source, no test, nothing to compile', () => {
  const files = readdirSync(join(project, 'node_modules/@tessera/verify'), { recursive: true, encoding: 'utf8' });
  expect(files).toContain('dist/index.js');
  expect(files).toContain('node_modules/@tessera/token/dist/index.d.ts');
  expect(files.filter((name) => /(?<!\.d)\.ts$|\.test\.|\.map$/.test(name))).toEqual([]);
  expect(manifest('verify')).toMatchObject({
    dependencies: { '@tessera/token': '0.1.0' },
    bundleDependencies: ['@tessera/token'],
  });
  expect(manifest('verify')).not.toHaveProperty('private');
});

it('the three lines of the page protect a service that installed it', { timeout: STARTS_MS }, async () => {
  await admin.do('apis.create', {
    body: { name: 'Orders', audience: AUDIENCE, prefix: 'ord', scopes: { 'orders:read': 'See orders' } },
  });
  const { token: own } = await admin.mint({ api: 'tessera', name: 'orders-service', scopes: ['verify'] });
  const { id, token } = await admin.mint({ api: AUDIENCE, scopes: ['orders:read'] });
  link('express');
  const lines = block('docs/clients.md', "'@tessera/verify/express'").replace('http://127.0.0.1:8420', server.url);
  writeFileSync(
    join(project, 'service.js'),
    `import express from 'express';\nconst app = express();\n${lines}
     const listening = app.listen(0, '127.0.0.1', () => console.log(listening.address().port));`,
  );
  const service = spawn(process.execPath, ['service.js'], {
    cwd: project,
    env: { PATH: process.env.PATH, TESSERA_VERIFY_TOKEN: own },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(service, 'exit');
  try {
    const [port] = await once(createInterface({ input: service.stdout }), 'line');
    const ask = () => fetch(`http://127.0.0.1:${port}/orders`, { headers: { Authorization: `Bearer ${token}` } });
    const answer = await ask();
    expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ id })]);
    await admin.do('tokens.revoke', { id });
    const refused = await until(ask, ({ status }) => status !== 200);
    expect([refused.status, await refused.json()]).toEqual([401, expect.objectContaining({ code: 'invalid_token' })]);
  } finally {
    service.kill('SIGKILL');
    await gone;
  }
});

it('both are typed for a project with settings of its own', { timeout: STARTS_MS }, async () => {
  // Its types need one package of others, which a test takes from here and not from a registry.
  await unpack('client');
  expect(manifest('client')).toMatchObject({ bundleDependencies: ['@tessera/contract'] });
  for (const name of ['zod', 'express', 'fastify', 'hono', '@types']) link(name);
  writeFileSync(join(project, 'client.ts'), block('docs/guide.md', 'for await (const { name, hint }'));
  writeFileSync(
    join(project, 'service.ts'),
    `import express from 'express';
     import fastify from 'fastify';
     import { Hono } from 'hono';
     import { tessera } from '@tessera/verify/fastify';
     import { protect as onFetch } from '@tessera/verify/fetch';
     import { protect as onHono, type TesseraEnv } from '@tessera/verify/hono';
     import { protect as onNode } from '@tessera/verify/node';
     const app = express();
     ${block('docs/clients.md', "'@tessera/verify/express'")}
     new Hono<TesseraEnv>().get('/', onHono(verifier, {}), (c) => c.json(c.get('tessera').id));
     await fastify().register(tessera, { verifier, scopes: ['orders:read'] });
     onFetch(verifier, {}, (_request, { scopes }) => Response.json(scopes));
     // @ts-expect-error an option that there is not
     onNode(verifier, { scope: ['orders:read'] }, (_request, response, { id }) => response.end(id));`,
  );
  const compilerOptions = { strict: true, noEmit: true, target: 'es2024', module: 'nodenext', types: ['node'] };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['client.ts', 'service.ts'] }),
  );
  const told = await run(join(root, 'node_modules/.bin/tsc'), ['-p', project]).then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  );
  expect(told).toBe('');
});

/** As the page says, and with nobody to ask: what it needs is in the archive. */
async function install(name: string): Promise<void> {
  const args = ['install', '--offline', '--no-audit', '--no-fund', archive(name)];
  await run('npm', args, { cwd: project, env: { ...process.env, npm_config_cache: temporaryFolder() } });
}

async function unpack(name: string): Promise<void> {
  const folder = join(project, 'node_modules/@tessera', name);
  mkdirSync(folder, { recursive: true });
  await run('tar', ['-xzf', archive(name), '-C', folder, '--strip-components=1']);
}

function archive(name: string): string {
  const [file = ''] = readdirSync(archives).filter((one) => one.startsWith(`tessera-${name}-`));
  return join(archives, file);
}

function manifest(name: string): unknown {
  return JSON.parse(readFileSync(join(project, 'node_modules/@tessera', name, 'package.json'), 'utf8'));
}

/** A package of others, as if it had been installed. */
function link(name: string): void {
  const path = join(project, 'node_modules', name);
  if (!readdirSync(join(project, 'node_modules')).includes(name)) symlinkSync(join(root, 'node_modules', name), path);
}

/** The block of code on a page that has this text in it. */
function block(page: string, text: string): string {
  const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
  const [code] = blocks.map(([, one = '']) => one).filter((one) => one.includes(text));
  if (code === undefined) throw new Error(`${page} has no block with ${text}`);
  return code;
}

/** Every command against the real platform, started by `tessera start` itself. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { generate } from '@tessera/token';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, makeCli, type Ran, type RunOptions } from './run-cli.ts';

const root = generate({ prefix: 'tsm', environment: 'live' });
let cli: Cli;
let platform: ChildProcessWithoutNullStreams;
let url: string;
const issued: string[] = [root];
const heard: string[] = [];

beforeAll(async () => {
  cli = await makeCli();
  platform = cli.start(['start'], {
    env: {
      TESSERA_PORT: '0',
      TESSERA_GATEWAY_PORT: '0',
      TESSERA_ROOT_TOKEN: root,
      TESSERA_TOKEN: root,
      TESSERA_URL: 'http://x',
    },
  });
  platform.stderr.on('data', (chunk) => heard.push(String(chunk)));
  url = await new Promise<string>((resolve, reject) => {
    platform.once('exit', (code) => reject(new Error(`ended with ${code}: ${heard.join('')}`)));
    createInterface({ input: platform.stdout }).on('line', (line) => {
      heard.push(line);
      const address = /platform\s+(http:\S+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
});

afterAll(async () => {
  if (platform.exitCode === null) platform.kill();
  await cli[Symbol.asyncDispose]();
});

async function ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await as(root, args, options);
  expect(ran, `${args.join(' ')}: ${ran.stderr}`).toMatchObject({ code: 0 });
  return ran.stdout;
}

function as(token: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return cli.run(args, { ...options, env: { TESSERA_URL: url, TESSERA_TOKEN: token, ...options.env } });
}

async function asJson<T>(args: readonly string[], options: RunOptions = {}): Promise<T> {
  return JSON.parse(await ok([...args, '--json'], options)) as T;
}

interface Minted {
  readonly id: string;
  readonly token: string;
  readonly name: string;
  readonly expiresAt: string | null;
}

async function mint(...flags: readonly string[]): Promise<Minted> {
  const minted = await asJson<Minted>(['token', 'create', '--name', 'demo', ...flags]);
  issued.push(minted.token);
  return minted;
}

describe('issuer', () => {
  it('is trusted, changed, its tokens refused, and trusted no more', async () => {
    await ok(['api', 'create', '--name', 'o', '--audience', 'https://o.test', '--prefix', 'oo', '--scope', 'a=a']);
    const rules = { requiredClaims: { env: 'prod' }, scopes: [{ claim: 'roles', map: { dev: ['a'] } }] };
    const args = ['issuer', 'create', '--api', 'https://o.test', '--issuer', 'https://i.test', '--rules', '-'];
    const issuer = await asJson<{ id: string; scopes: unknown[] }>(
      [
        ...args,
        '--scope',
        'a',
        '--claim',
        'repo=a',
        '--claim',
        'repo=b',
        '--max-life',
        '1h',
        '--type',
        'JWT',
        'absent',
      ],
      { stdin: JSON.stringify(rules) },
    );
    expect(issuer).toMatchObject({
      method: { discovery: true },
      audience: 'https://o.test',
      requiredClaims: { repo: ['a', 'b'] },
      scopes: [...rules.scopes, { scopes: ['a'] }],
      tokenTypes: ['jwt', 'absent'],
      maxLifetimeSeconds: 3600,
      owner: null,
    });
    expect(await ok(['issuer', 'list', '--quiet'])).toBe(`${issuer.id}\n`);
    const asked = ['--introspect', 'https://i.test/x', '--client-id', 'c', '--client-secret-file', '-'];
    const shown = await ok(['issuer', 'update', issuer.id, ...asked, '--disable'], { stdin: 'the client secret\n' });
    expect(shown).toMatch(/"clientId":"c"/);
    expect(shown).not.toContain('the client secret');
    expect(await as(root, ['issuer', 'update', issuer.id, ...asked.slice(0, 4)])).toMatchObject({ code: 2 });
    expect(await ok(['issuer', 'revoke', issuer.id, '--sub', 'x'])).toMatch(
      /^Tokens of https:\/\/i\.test for x issued before/,
    );
    expect(await as(root, ['issuer', 'revoke', issuer.id, '--sub', 'x', '--jti', 'y'])).toMatchObject({ code: 2 });
    await ok(['issuer', 'update', issuer.id, '--discovery', '--enable']);
    expect(await ok(['issuer', 'show', issuer.id])).toMatch(/method +\{"discovery":true\}/);
    await ok(['issuer', 'delete', issuer.id, '--yes']);
    expect(await as(root, ['issuer', 'show', issuer.id])).toMatchObject({ code: 5 });
  });
});

describe('key', () => {
  it('rotates: the one that waited signs, the one before is retired and can be forgotten', async () => {
    const states = async () => {
      const { items } = await asJson<{ items: { id: string; alg: string; state: string }[] }>(['key', 'list', '--all']);
      return items.filter(({ alg }) => alg === 'ES256').map(({ state }) => state);
    };
    const first = await asJson<{ id: string }>(['key', 'create', '--alg', 'ES256', '--active']);
    await ok(['key', 'create', '--alg', 'ES256']);
    const active = await asJson<{ id: string; state: string }>(['key', 'rotate', '--alg', 'ES256']);
    expect(active.state).toBe('active');
    expect(await states()).toEqual(['next', 'active', 'retired']);
    expect(await as(root, ['key', 'delete', active.id, '--yes'])).toMatchObject({ code: 6 });
    await ok(['key', 'delete', first.id, '--yes']);
    await ok(['key', 'retire', active.id]);
    expect(await states()).toEqual(['next', 'retired', 'gone']);
    expect(await ok(['key', 'show', first.id])).toMatch(/state +gone/);
    expect(await as(root, ['key', 'rotate', '--alg', 'none'])).toMatchObject({ code: 2 });
  });
});

describe('token', () => {
  it('mint, verify, rotate, cancel, disable, revoke: the verdict follows each', async () => {
    const { id, token } = await mint('--scope', 'orders:read', '--expires', '30d', '--meta', 'team=blue');
    const verify = (text: string, ...flags: string[]) =>
      as(root, ['token', 'verify', ...flags], { stdin: `${text}\n` });
    expect(await verify(token, '--scope', 'orders:read', '--quiet')).toMatchObject({ code: 0, stdout: `${id}\n` });
    const narrow = await verify(token, '--scope', 'orders:write', '--json');
    expect(narrow.code).toBe(1);
    expect(JSON.parse(narrow.stdout)).toMatchObject({ valid: false, code: 'insufficient_scope' });

    const renewed = (await ok(['token', 'rotate', id, '--grace', '1h', '--quiet'])).trimEnd();
    issued.push(renewed);
    expect((await verify(renewed)).code).toBe(0);
    expect((await verify(token)).code).toBe(0);
    await ok(['token', 'cancel-rotation', id]);
    expect(JSON.parse((await verify(renewed, '--json')).stdout)).toMatchObject({ valid: false, code: 'rotated' });

    await ok(['token', 'update', id, '--disable']);
    expect((await verify(token, '--json')).stdout).toContain('"code": "disabled"');
    await ok(['token', 'update', id, '--enable', '--name', 'renamed']);
    expect((await verify(token)).code).toBe(0);

    await ok(['token', 'revoke', id, '--yes', '--reason', 'lost']);
    expect((await verify(token, '--json')).stdout).toContain('"code": "revoked"');
    expect(await asJson(['token', 'show', id])).toMatchObject({
      name: 'renamed',
      status: 'revoked',
      revokedReason: 'lost',
    });
    expect(await as(root, ['token', 'update', id, '--name', 'x'])).toMatchObject({ code: 6 });
  });

  it('revoke tells how many nodes and verifiers have heard, for as long as it may wait', async () => {
    const revoke = async (...flags: readonly string[]): Promise<Ran> =>
      as(root, ['token', 'revoke', (await mint()).id, '--yes', ...flags]);
    const all = await revoke('--json');
    expect(all).toMatchObject({ code: 0, stderr: 'Confirmed by 1 of 1 node and 0 of 0 verifiers.\n' });
    expect(JSON.parse(all.stdout)).toMatchObject({ status: 'revoked' });
    // One that is there and never hears of it.
    const body = JSON.stringify({ verifier: `vrf_${'7'.repeat(32)}`, seq: 0 });
    const headers = { Authorization: `Bearer ${root}`, 'Content-Type': 'application/json' };
    expect((await fetch(`${url}/v1/positions`, { method: 'POST', headers, body })).status).toBe(200);
    const some = await revoke('--wait', '4s');
    expect(some.code).toBe(0);
    expect(some.stderr).toBe(
      'Confirmed by 1 of 1 node and 0 of 1 verifier. The others refuse what they cannot check anew within the staleness bound.\n',
    );
    expect(await revoke('--wait', '0')).toMatchObject({ code: 0, stderr: '' });
    expect(await revoke('--quiet', '--wait', '0')).toMatchObject({ code: 0, stderr: '' });
  });

  it('revoke by a token that may not follow the feed revokes, and says that it cannot tell', async () => {
    const writer = await mint('--api', 'tessera', '--scope', 'tokens:write');
    const { id } = await mint();
    const ran = await as(writer.token, ['token', 'revoke', id, '--yes']);
    expect(ran).toMatchObject({
      code: 0,
      stderr: 'How many nodes and verifiers have confirmed is not known: your token lacks the scope changes:read\n',
    });
    expect(await asJson(['token', 'show', id])).toMatchObject({ status: 'revoked' });
  });

  it('verify reads a file, explains, and sends the request', async () => {
    const { token } = await mint('--allow', '10.0.0.0/8', '--limit', 'api=5/1m');
    await writeFile(join(cli.home, 'key.txt'), `${token}\n`);
    const from = (ip: string) => as(root, ['token', 'verify', '--key-file', 'key.txt', '--ip', ip, '--explain']);
    const inside = await from('10.1.2.3');
    expect(inside.code).toBe(0);
    expect(inside.stdout).toMatch(/^policy\/address\s+passed$/m);
    const outside = await from('192.0.2.1');
    expect(outside.code).toBe(1);
    expect(outside.stdout).toMatch(/^code\s+ip_denied$/m);
  });

  it('an unknown token is a no, not an error', async () => {
    const stranger = generate({ prefix: 'tsr', environment: 'live' });
    const ran = await as(root, ['token', 'verify', '--json'], { stdin: stranger });
    expect(ran).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(ran.stdout)).toMatchObject({ valid: false, code: 'unknown' });
  });

  it('never, dates and repeated commands', async () => {
    expect(await mint('--expires', 'never')).toMatchObject({ expiresAt: null });
    expect(await mint('--expires', '2030-01-31')).toMatchObject({ expiresAt: '2030-01-31T00:00:00.000Z' });
    const first = await mint('--idempotency-key', 'once');
    expect(await mint('--idempotency-key', 'once')).toEqual(first);
  });

  it('lists, by filter and page by page', async () => {
    await mint();
    await mint();
    const all = (await ok(['token', 'list', '--limit', '1', '--all', '--quiet'])).trimEnd().split('\n');
    expect(all.length).toBeGreaterThanOrEqual(2);
    expect(new Set(all).size).toBe(all.length);
    const revoked = await asJson<{ items: { status: string }[] }>(['token', 'list', '--status', 'revoked']);
    expect(revoked.items.every(({ status }) => status === 'revoked')).toBe(true);
    expect(await ok(['token', 'list', '--search', 'no such token'])).toBe('');
  });

  it('imports digests of another system, which then verify', async () => {
    const text = 'sk_live_from_another_system_0123456789';
    const digest = createHash('sha256').update(text).digest('hex');
    const item = { name: 'legacy', scopes: [], digest, algorithm: 'sha256', prefix: 'sk_live_' };
    const imported = await ok(['token', 'import', '-', '--quiet'], { stdin: JSON.stringify([item]) });
    expect(imported).toMatch(/^tok_\w+\n$/);
    expect(await as(root, ['token', 'verify', '--quiet'], { stdin: text })).toMatchObject({
      code: 0,
      stdout: imported,
    });
  });
});

describe('the other resources', () => {
  it('api', async () => {
    const flags = [
      '--name',
      'Orders',
      '--audience',
      'https://orders.test',
      '--prefix',
      'ord',
      '--scope',
      'orders:read=see',
    ];
    const id = (await ok(['api', 'create', ...flags, '--max-expiry', '30d', '--quiet'])).trimEnd();
    expect(await asJson(['api', 'show', id])).toMatchObject({ prefix: 'ord', maximumExpirySeconds: 2_592_000 });
    expect(await asJson(['api', 'update', id, '--name', 'O', '--max-expiry', 'none'])).toMatchObject({
      name: 'O',
      maximumExpirySeconds: null,
    });
    expect(await ok(['api', 'list'])).toContain('https://orders.test');
    const { token } = await mint('--api', 'https://orders.test', '--scope', 'orders:read');
    expect(token).toMatch(/^ord_live_/);
    expect(await as(root, ['api', 'delete', id, '--yes'])).toMatchObject({ code: 6 });
  });

  it('role and owner', async () => {
    const role = (await ok(['role', 'create', '--name', 'reader', '--scope', 'orders:read', '-q'])).trimEnd();
    expect(await asJson(['role', 'update', role, '--allow', '10.0.0.0/8'])).toMatchObject({
      ip: { allow: ['10.0.0.0/8'] },
    });
    expect(await asJson(['role', 'update', role, '--clear', 'ip'])).toMatchObject({ scopes: ['orders:read'] });
    const flags = ['--name', 'Acme', '--type', 'customer', '--role', role, '--quota', '10/day', '--meta', 'k=v'];
    const owner = (await ok(['owner', 'create', ...flags, '-q'])).trimEnd();
    const { token } = await mint('--owner', owner);
    await ok(['owner', 'update', owner, '--disable']);
    expect((await as(root, ['token', 'verify', '--json'], { stdin: token })).stdout).toContain(
      '"code": "owner_disabled"',
    );
    expect(await asJson(['owner', 'update', owner, '--enable', '--clear', 'quota', 'roles'])).toMatchObject({
      enabled: true,
      quota: null,
      roles: [],
    });
    expect(await ok(['owner', 'list', '--type', 'customer', '-q'])).toBe(`${owner}\n`);
    expect(await ok(['owner', 'show', owner])).toMatch(/^metadata\s+k=v$/m);
    await ok(['role', 'delete', role, '--yes']);
    await ok(['owner', 'delete', owner, '--yes']);
    expect(await as(root, ['role', 'show', role])).toMatchObject({ code: 5 });
    expect(await ok(['role', 'list'])).toBe('');
  });

  it('workspace, and acting in it', async () => {
    const id = (await ok(['workspace', 'create', '--name', 'Blue', '-q'])).trimEnd();
    const inside = (await ok(['--workspace', id, 'token', 'create', '--name', 'inside', '-q'])).trimEnd();
    issued.push(inside);
    expect((await as(root, ['token', 'verify', '--json'], { stdin: inside })).stdout).toContain('"code": "unknown"');
    expect((await as(root, ['token', 'verify'], { stdin: inside, env: { TESSERA_WORKSPACE: id } })).code).toBe(0);
    expect(await asJson(['workspace', 'update', id, '--suspend'])).toMatchObject({ enabled: false });
    expect(await asJson(['workspace', 'update', id, '--resume', '--name', 'Navy'])).toMatchObject({
      enabled: true,
      name: 'Navy',
    });
    expect(await ok(['workspace', 'list', '-q'])).toContain(`${id}\n`);
    expect(await asJson(['workspace', 'show', id])).toMatchObject({ id });
    await ok(['workspace', 'delete', id, '--yes']);
  });
});

describe('audit and changes', () => {
  it('tail, list, checkpoint, verify', async () => {
    const { id } = await mint();
    expect(await ok(['audit', 'tail', '-n', '1', '--target', id])).toContain(id);
    const { items } = await asJson<{ items: { action: string; seq: number }[] }>(['audit', 'list', '--target', id]);
    expect(items.map(({ action }) => action)).toEqual(['token.create']);
    await writeFile(join(cli.home, 'checkpoint.json'), await ok(['audit', 'checkpoint', '--json']));
    await mint();
    expect(await ok(['audit', 'verify', '--checkpoint', 'checkpoint.json'])).toMatch(/^ok\s+yes$/m);
    const forged = JSON.stringify({ seq: items[0]?.seq, hash: '0'.repeat(64) });
    const ran = await as(root, ['audit', 'verify', '--checkpoint', '-'], { stdin: forged });
    expect(ran.code).toBe(1);
    expect(ran.stdout).toMatch(/^ok\s+no$/m);
  });

  it('--follow shows what happens next, until it is interrupted', async () => {
    const follower = cli.start(['changes', 'tail', '--since', '0', '--follow', '-o', 'ndjson'], {
      env: { TESSERA_URL: url, TESSERA_TOKEN: root },
    });
    const lines = createInterface({ input: follower.stdout });
    const told: { kind: string; id: string }[] = [];
    lines.on('line', (line) => told.push(JSON.parse(line) as { kind: string; id: string }));
    await once(lines, 'line');
    const { id } = await mint();
    while (!told.some((change) => change.id === id && change.kind === 'token.created')) await once(lines, 'line');
    follower.kill('SIGINT');
    expect((await once(follower, 'close'))[0]).toBe(130);
  });
});

describe('who may do what', () => {
  it('whoami, a narrow token, no token', async () => {
    const { token } = await mint('--api', 'tessera', '--scope', 'tokens:read verify');
    const me = await as(token, ['whoami', '--json']);
    // Who may ask for verdicts may follow what changes them.
    expect(JSON.parse(me.stdout)).toMatchObject({ url, scopes: ['tokens:read', 'verify', 'changes:read'] });
    expect((await as(token, ['token', 'list'])).code).toBe(0);
    const refused = await as(token, ['token', 'create', '--name', 'x']);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('insufficient_scope');
    const stranger = generate({ prefix: 'tsm', environment: 'live' });
    expect((await as(stranger, ['token', 'list'])).code).toBe(3);
  });

  it('login, then commands without a token, then logout', async () => {
    const signedOut: RunOptions = { env: { TESSERA_URL: url } };
    expect((await cli.run(['login'], { ...signedOut, stdin: root })).code).toBe(0);
    expect((await cli.run(['token', 'list'], signedOut)).code).toBe(0);
    expect((await cli.run(['logout'], signedOut)).code).toBe(0);
    expect((await cli.run(['token', 'list'], signedOut)).code).toBe(3);
  });
});

describe('config', () => {
  it('check, print and schema are those of the server', async () => {
    const checked = await cli.run(['config', 'check'], { env: { TESSERA_URL: url, TESSERA_TOKEN: root } });
    expect(checked.code).toBe(0);
    // What is meant for the command does not reach the server, which would warn of it.
    expect(checked.stderr).not.toContain('TESSERA_');
    const schema = await cli.run(['config', 'schema']);
    expect(JSON.parse(schema.stdout)).toMatchObject({ type: 'object' });
    const printed = await cli.run(['config', 'print'], { env: { TESSERA_ROOT_TOKEN: root } });
    expect(printed.code).toBe(0);
    expect(printed.stdout).not.toContain(root);
    const wrong = await cli.run(['config', 'check'], { env: { TESSERA_PORT: 'x' } });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('TESSERA_PORT');
  });
});

it('start ends with the platform, which drains on SIGTERM and has logged no secret', async () => {
  const ended = once(platform, 'exit');
  platform.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  const log = heard.join('\n');
  expect(log).toContain('platform');
  for (const secret of issued) expect(log).not.toContain(secret);
});

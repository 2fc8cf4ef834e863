/** The master key can be replaced, by another one or by a key service, and everything that was signed or sealed before still holds. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caller } from './support/call.ts';
import { startPostgres, type TestPostgres } from './support/postgres.ts';
import {
  endServers,
  newRootToken,
  runToEnd,
  type Server,
  STARTS_MS,
  startAndKill,
  startServer,
  temporaryFolder,
} from './support/server.ts';
import { startTransit, type Transit } from './support/transit.ts';

const newKey = () => randomBytes(32).toString('hex');
const WRONG = /the master key is not the one this store was made with/;

afterAll(endServers);

interface Installation {
  start(env: Readonly<Record<string, string>>): Promise<Server>;
  refused(env: Readonly<Record<string, string>>): Promise<string>;
  readonly data: string;
  /** What every start has in its environment. */
  readonly own: Readonly<Record<string, string>>;
}

function anInstallation(): Installation {
  const data = temporaryFolder();
  const rootToken = newRootToken();
  const own = { TESSERA_DATA: data, TESSERA_ROOT_TOKEN: rootToken, TESSERA_PORT: '0', TESSERA_GATEWAY_PORT: '0' };
  return {
    data,
    start: (env) => startServer({ data, rootToken, env }),
    own,
    async refused(env) {
      const { code, stderr } = await runToEnd(['start'], { ...own, ...env });
      expect(code).toBe(8);
      return stderr;
    },
  };
}

/** The log is proved from its first record to its last, whichever key there was. */
async function proves(server: Server): Promise<readonly string[]> {
  const root = caller(server, server.rootToken);
  expect(await root.do('audit.verify')).toMatchObject({ ok: true });
  const { items } = await root.do('audit.list');
  return items.map(({ action }) => action);
}

describe('another master key', { timeout: STARTS_MS }, () => {
  it('takes over at a start that has both, and the former one opens nothing any more', async () => {
    const [old, next] = [newKey(), newKey()];
    const { start, refused } = anInstallation();
    const first = await start({ TESSERA_MASTER_KEY: old });
    const { token } = await caller(first, first.rootToken).mint();
    const { seq, hash } = await caller(first, first.rootToken).do('audit.checkpoint');
    await first.stop();
    expect(await refused({ TESSERA_MASTER_KEY: next })).toMatch(WRONG);

    const second = await start({ TESSERA_MASTER_KEY: next, TESSERA_OTHER_MASTER_KEYS: old });
    await second.printed(/the master key was replaced/);
    expect(await caller(second, second.rootToken).verify(token)).toMatchObject({ code: 'ok' });
    expect(await proves(second)).toContain('master_key.replace');
    await second.stop();

    const third = await start({ TESSERA_MASTER_KEY: next });
    await caller(third, third.rootToken).mint();
    expect(await caller(third, third.rootToken).do('audit.verify', { query: { seq, hash } })).toMatchObject({
      ok: true,
    });
    expect(third.stderr() + second.stderr()).not.toContain(old);
    expect(third.stderr() + second.stderr()).not.toContain(next);
    await third.stop();
    expect(await refused({ TESSERA_MASTER_KEY: old })).toMatch(WRONG);
  });

  it('holds after a start that was killed at any moment', async () => {
    const keys = [newKey()];
    const { start, own } = anInstallation();
    const first = await start({ TESSERA_MASTER_KEY: keys[0] ?? '' });
    const { token } = await caller(first, first.rootToken).mint();
    await first.stop();
    for (let round = 0; round < 2; round += 1) {
      const [next, old = ''] = [newKey(), keys.at(-1)];
      keys.push(next);
      const env = { TESSERA_MASTER_KEY: next, TESSERA_OTHER_MASTER_KEYS: old };
      // Somewhere in what it does before it listens; each round a little later.
      await startAndKill({ ...own, ...env }, 500 + 400 * round);
      const after = await start(env);
      expect(await caller(after, after.rootToken).verify(token)).toMatchObject({ code: 'ok' });
      await proves(after);
      await after.stop();
    }
  });
});

describe('another master key of several nodes', { timeout: STARTS_MS }, () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.close());

  it('takes over node by node, none of which misses a request', async () => {
    const [old, next] = [newKey(), newKey()];
    const rootToken = newRootToken();
    const url = await postgres.createDatabase();
    const start = (key: string, other?: string) =>
      startServer({
        rootToken,
        env: { TESSERA_DATABASE_URL: url, TESSERA_MASTER_KEY: key, ...(other && { TESSERA_OTHER_MASTER_KEYS: other }) },
      });
    // First every node is given the next one too; then it becomes their own.
    const [one, two] = [await start(old, next), await start(old, next)];
    const { token } = await caller(one, rootToken).mint();
    const three = await start(next, old);
    for (const node of [one, two, three]) {
      expect(await caller(node, rootToken).verify(token)).toMatchObject({ code: 'ok' });
      await caller(node, rootToken).mint();
      await proves(node);
    }
    await one.stop();
    const late = await start(old, next);
    await late.printed(/the master key of this node was replaced by another one/);
    expect(await caller(late, rootToken).verify(token)).toMatchObject({ code: 'ok' });
    const last = await start(next);
    expect((await proves(last)).filter((action) => action === 'master_key.replace')).toHaveLength(1);
  });
});

describe('a key service', { timeout: STARTS_MS }, () => {
  let transit: Transit;
  beforeAll(async () => {
    transit = await startTransit();
  });
  afterAll(() => transit.close());
  const env = () => ({ TESSERA_KMS_URL: transit.url, TESSERA_KMS_TOKEN: transit.token });

  it('stands in the place of a master key, and is not asked for requests', async () => {
    const { start, refused, data } = anInstallation();
    const first = await start(env());
    expect(existsSync(join(data, 'master.key'))).toBe(false);
    await caller(first, first.rootToken).mint();
    await first.stop();
    expect(await refused({ TESSERA_MASTER_KEY: newKey() })).toMatch(WRONG);
    transit.asked.length = 0;
    const second = await start(env());
    await proves(second);
    await caller(second, second.rootToken).mint();
    expect(transit.asked).toEqual(['/v1/transit/decrypt/tessera 200']);
    expect(second.stderr()).not.toContain(transit.token);
  });

  it('takes over from the master key of a store', async () => {
    const { start, refused } = anInstallation();
    const first = await start({});
    const { token } = await caller(first, first.rootToken).mint();
    await first.stop();
    const second = await start(env());
    await second.printed(/the master key was replaced/);
    expect(await caller(second, second.rootToken).verify(token)).toMatchObject({ code: 'ok' });
    await proves(second);
    await second.stop();
    expect(await refused({})).toMatch(WRONG);
  });

  it('keeps a start from going on where it cannot be asked, and says why', async () => {
    const { start, refused } = anInstallation();
    await (await start(env())).stop();
    transit.fail(503);
    expect(await refused(env())).toMatch(
      /data key dek_\w+ cannot be decrypted: the key service refused to decrypt with status 503/,
    );
    transit.fail(undefined);
    expect(await refused({ ...env(), TESSERA_KMS_TOKEN: 'hvs.another' })).toMatch(/with status 403/);
    const gone = transit.url.replace(/:\d+/, ':9');
    expect(await refused({ ...env(), TESSERA_KMS_URL: gone })).toMatch(/the key service cannot be reached/);
  });
});

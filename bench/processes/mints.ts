/** Mints in this process, durable as the platform's are, and their floor: commits of as many bytes, each synced. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { generate } from '@tessera/token';
import { auditSeal } from '../../packages/server/src/core/audit-chain.ts';
import { newId } from '../../packages/server/src/core/ids.ts';
import type { Token } from '../../packages/server/src/core/model.ts';
import type { Store } from '../../packages/server/src/core/store-port.ts';
import { draw } from '../../packages/server/src/core/tokens/draw.ts';
import { openStore } from '../../packages/server/src/store/open.ts';
import { TOKEN } from '../rig/seed.ts';

export interface MintOrder {
  /** `floor`: one commit after the other; a number: so many callers, each of whom mints one token after the other. */
  readonly callers: number | 'floor';
  readonly seconds: number;
}

export interface MintReport {
  readonly perSecond: number;
}

/** Bytes of the rows that one mint leaves: token, secret, audit record, head and change. */
const BYTES_OF_A_MINT = 1500;

const [folder = ''] = process.argv.slice(2);
const key = new Uint8Array(32);
const clock = { now: Date.now };
const store = await openStore({
  url: `sqlite:${join(folder, 'mints.db')}`,
  dataFolder: folder,
  seal: auditSeal(key),
  clock,
});
const template = await foundStore(store);

const bare = new DatabaseSync(join(folder, 'floor.db'));
bare.exec('pragma journal_mode = wal; pragma synchronous = full; create table rows(id integer primary key, body blob)');
const insert = bare.prepare('insert into rows(body) values (?)');

process.on('message', ({ callers, seconds }: MintOrder) => {
  const run = callers === 'floor' ? commits(seconds) : mints(callers, seconds);
  run.then(
    (perSecond) => process.send?.({ perSecond }),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.send?.({ ready: true });

async function mints(callers: number, seconds: number): Promise<number> {
  const start = performance.now();
  let minted = 0;
  const call = async (): Promise<void> => {
    while (performance.now() - start < seconds * 1000) {
      await store.write(mintOne);
      minted += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  return (1000 * minted) / (performance.now() - start);
}

async function mintOne(tx: Parameters<Parameters<Store['write']>[0]>[0]): Promise<void> {
  const now = Date.now();
  const token = { ...template, id: newId('tok'), createdAt: now, updatedAt: now };
  const text = () => ({ text: generate({ prefix: 'tsr', environment: 'live' }) });
  const { secret } = await draw({ token, now, text }, (drawn) => tx.insertToken(token, drawn));
  const { id, kind, name, owner, api, environment, scopes, expiresAt, workspace } = token;
  tx.record({
    workspace,
    at: now,
    actor: { token: null, owner: null, kind: 'system' },
    action: 'token.create',
    target: { type: 'token', id },
    outcome: 'ok',
    requestId: 'b2ee420e4e71306e-1',
    address: '127.0.0.1',
    details: { kind, name, owner, api, environment, scopes, expiresAt, fingerprint: secret.fingerprint },
  });
  tx.changed({ workspace, kind: 'token.created', id });
}

async function commits(seconds: number): Promise<number> {
  const body = new Uint8Array(BYTES_OF_A_MINT);
  const start = performance.now();
  let committed = 0;
  while (performance.now() - start < seconds * 1000) {
    insert.run(body);
    committed += 1;
  }
  return (1000 * committed) / (performance.now() - start);
}

async function foundStore(empty: Store): Promise<Token> {
  const kept = { createdAt: Date.now(), updatedAt: Date.now(), version: 1 };
  const workspace = { id: newId('ws'), name: 'bench', enabled: true, deletedAt: null, ...kept };
  const api = {
    id: newId('api'),
    workspace: workspace.id,
    name: 'bench',
    audience: 'default',
    prefix: 'tsr',
    scopes: 'any',
    defaultExpirySeconds: null,
    maximumExpirySeconds: null,
    jwt: null,
    builtIn: true,
    ...kept,
  } as const;
  await empty.write(async (tx) => {
    await tx.insertWorkspace(workspace);
    await tx.insertApi(api);
  });
  return {
    id: '',
    workspace: workspace.id,
    kind: 'api_key',
    name: TOKEN.name,
    owner: null,
    api: api.id,
    environment: 'live',
    scopes: TOKEN.scopes,
    limits: TOKEN.limits,
    quota: null,
    credits: null,
    ip: {},
    metadata: {},
    boundKey: null,
    format: 'opaque',
    parent: null,
    client: null,
    session: null,
    enabled: true,
    createdBy: 'system',
    notBefore: null,
    expiresAt: null,
    revokedAt: null,
    revokedReason: null,
    lastUsedAt: null,
    ...kept,
  };
}

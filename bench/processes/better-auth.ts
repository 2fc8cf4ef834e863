/**
 * better-auth's `verifyApiKey` behind a bare `node:http` server: keys with a rate limit, a permission asked, in SQLite as
 * ours (`database`), or in a Map of this process alone, without any store (`memory`).
 */
import { hash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { apiKey } from '@better-auth/api-key';
import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { tokenId, tokenText } from '../rig/tokens.ts';

const [folder = '', storage = 'database', tokens = '0'] = process.argv.slice(2);
const inMemory = storage === 'memory';
const MINUTE = 60_000;
const LIMIT = 1_000_000;

const database = new DatabaseSync(join(folder, 'better-auth.db'));
// Its best: the log is not synced at each commit, as ours is.
database.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma cache_size = -200000');
const kept = new Map<string, string>();

const options = {
  database,
  secret: hash('sha256', 'bench'),
  baseURL: 'http://127.0.0.1',
  logger: { disabled: true },
  telemetry: { enabled: false },
  plugins: [
    apiKey({
      rateLimit: { enabled: true, timeWindow: MINUTE, maxRequests: LIMIT },
      storage: inMemory ? 'secondary-storage' : 'database',
      customStorage: {
        get: (key: string) => kept.get(key) ?? null,
        getAndDelete(key: string) {
          const value = kept.get(key) ?? null;
          kept.delete(key);
          return value;
        },
        increment: (key: string) => {
          const next = Number(kept.get(key) ?? 0) + 1;
          kept.set(key, String(next));
          return next;
        },
        set: (key: string, value: string) => void kept.set(key, value),
        delete: (key: string) => void kept.delete(key),
      },
    }),
  ],
};
await (await getMigrations(options)).runMigrations();
seed(Number(tokens));
const auth = betterAuth(options);

function seed(count: number): void {
  const now = new Date();
  const columns = database.prepare('pragma table_info(apikey)').all();
  const names = columns.map(({ name }) => String(name));
  const insert = database.prepare(
    `insert into apikey (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`,
  );
  database.exec('begin');
  for (let index = 0; index < count; index += 1) {
    const key = keyOf(index, now);
    if (inMemory) {
      const text = JSON.stringify(key);
      kept.set(`api-key:${key.key}`, text).set(`api-key:by-id:${key.id}`, text);
    } else {
      const row: Readonly<Record<string, string | number | boolean | null>> = key;
      insert.run(...names.map((name) => (typeof row[name] === 'boolean' ? Number(row[name]) : (row[name] ?? null))));
    }
  }
  database.exec('commit');
}

function keyOf(index: number, now: Date) {
  const text = tokenText(index);
  return {
    id: tokenId(index),
    configId: 'default',
    name: 'bench',
    start: text.slice(0, 6),
    prefix: null,
    key: hash('sha256', text, 'base64url'),
    // An owner for each: the lists of an owner's keys stay as short as they can be.
    referenceId: `owner ${index}`,
    refillInterval: null,
    refillAmount: null,
    lastRefillAt: null,
    enabled: true,
    rateLimitEnabled: true,
    rateLimitTimeWindow: MINUTE,
    rateLimitMax: LIMIT,
    requestCount: 0,
    remaining: null,
    lastRequest: null,
    expiresAt: new Date(now.getTime() + 90 * 24 * 60 * MINUTE).toISOString(),
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    permissions: JSON.stringify({ orders: ['read', 'write'] }),
    metadata: null,
  };
}

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  request.on('end', () => {
    const { token } = JSON.parse(text) as { readonly token: string };
    auth.api.verifyApiKey({ body: { key: token, permissions: { orders: ['read'] } } }).then(
      (verdict) => {
        const body = JSON.stringify(verdict);
        response
          .writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
          .end(body);
      },
      (error: unknown) => {
        console.error(error);
        response.writeHead(500, { 'Content-Length': 0 }).end();
      },
    );
  });
});
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));

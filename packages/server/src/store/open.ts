/** Opens the store that the settings name, brought up to this version's schema. */
import { join, resolve } from 'node:path';
import type { Clock } from '@tessera/verify';
import type { AuditSeal, Store } from '../core/store-port.ts';
import type { Engine, StoreLog } from './engine.ts';
import { GroupCommit } from './group-commit.ts';
import { createReader } from './sql/reader.ts';
import { quotaUsed } from './sql/usage.ts';
import { openSqlite } from './sqlite/open-sqlite.ts';
import type { ThreadTerms } from './sqlite/thread-driver.ts';

const DEFAULT_FILE = 'tessera.db';

export interface StoreOptions {
  /** `sqlite:<file>` or `postgres://...`; undefined: a file in the data folder. */
  readonly url: string | undefined;
  readonly dataFolder: string;
  readonly seal: AuditSeal;
  readonly clock: Clock;
  readonly log?: StoreLog;
  /** `await`: whoever else migrates the database is waited for; needs one that nodes share. Default: this process does. */
  readonly schema?: 'migrate' | 'await';
  /** What runs in the thread of the embedded store, and how long it may take; for tests. */
  readonly thread?: ThreadTerms;
}

/**
 * @example const store = await openStore({ url: undefined, dataFolder: './data', seal: auditSeal(key), clock });
 * @throws where the database cannot be reached, migrated or written, or the URL is of no known kind
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const engine = await openEngine(options);
  const commits = new GroupCommit({ engine, seal: options.seal, clock: options.clock, log: options.log });
  return {
    ...createReader(() => engine.reads, engine.terms.now),
    find: (digest) => engine.find(digest),
    quotaUsed: (key, period) => quotaUsed(engine.reads, key, period),
    write: (work) => commits.write(work),
    writeAside: (work) => commits.write(work, 'aside'),
    onCommit: (listener) => commits.onCommit(listener),
    listen: (hearing) => engine.listen(hearing),
    close: async () => {
      await commits.close();
      await engine.close();
    },
  };
}

async function openEngine({ url, dataFolder, log, schema = 'migrate', thread }: StoreOptions): Promise<Engine> {
  if (url === undefined) return openSqlite(join(dataFolder, DEFAULT_FILE), { ...thread, log });
  if (/^postgres(ql)?:\/\//.test(url)) {
    // Loaded where it is used: a start is mostly loading.
    const { openPostgres } = await import('./postgres/open-postgres.ts');
    return openPostgres(url, { schema, log });
  }
  const file = /^sqlite:(?:\/\/)?(.+)$/.exec(url)?.[1];
  // The URL may hold a password, so it is not repeated.
  if (file === undefined) throw new Error('the database URL must begin with sqlite: or postgres://');
  if (file === ':memory:') throw new Error('sqlite::memory: would forget every token at the end; name a file');
  return openSqlite(resolve(file), { ...thread, log });
}

/** What a start does before anything listens: the data folder, the master key, the store, and what the first start makes in it. */
import type { Clock } from '@tessera/verify';
import type { Config } from './config/load.ts';
import { auditSeal } from './core/audit-chain.ts';
import { type Bootstrapped, bootstrap } from './core/bootstrap.ts';
import { join } from './core/join.ts';
import { deriveKey } from './core/keys.ts';
import type { AuditSeal, Store } from './core/store-port.ts';
import { ensureDataFolder, masterKey } from './data-folder.ts';
import type { Logger } from './observe/log.ts';
import { openStore } from './store/open.ts';

export interface Preparing {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called for each record of the audit chains. */
  readonly onAudited: () => void;
}

export interface Prepared {
  /** Open: whoever prepared closes it. */
  readonly store: Store;
  readonly key: Uint8Array;
  readonly started: Bootstrapped;
}

/**
 * Throws `StartRefused` where starting would be wrong, else what the file system or the database throws; nothing stays open then.
 * A data plane changes nothing: it waits for what another node has to prepare.
 */
export async function prepare({ config, clock, log, onAudited }: Preparing): Promise<Prepared> {
  const joins = config.role === 'data-plane';
  ensureDataFolder(config.data);
  const key = masterKey(config.data, { setting: config.masterKey, mayDraw: !joins });
  const seal = telling(auditSeal(deriveKey(key, 'audit-head')), onAudited);
  const schema = joins ? 'await' : 'migrate';
  const store = await openStore({ url: config.databaseUrl, dataFolder: config.data, seal, clock, log, schema });
  try {
    const onWait = (): void => log.warn('waiting for the first start of a node with role all');
    const started = joins
      ? await join(store, { masterKey: key, onWait })
      : await bootstrap(store, { masterKey: key, rootToken: config.rootToken, now: clock.now() });
    return { store, key, started };
  } catch (error) {
    await store.close();
    throw error;
  }
}

function telling(seal: AuditSeal, onAudited: () => void): AuditSeal {
  return {
    ...seal,
    record(entry, seq, previous) {
      onAudited();
      return seal.record(entry, seq, previous);
    },
  };
}

/** What a start does before anything listens: the data folder, the master key, the store, and what the first start makes in it. */
import type { Clock } from '@tessera/verify';
import type { Config } from './config/load.ts';
import { auditSeal } from './core/audit-chain.ts';
import { type Bootstrapped, bootstrap } from './core/bootstrap.ts';
import { custodyAlarms } from './core/custody/alarms.ts';
import { type Custody, type CustodyOptions, openCustody } from './core/custody/custody.ts';
import { masterKeyEncryption } from './core/custody/key-encryption.ts';
import { type Replacement, replaceMasterKey } from './core/custody/replace-master-key.ts';
import { join } from './core/join.ts';
import { deriveKey } from './core/keys.ts';
import { StartRefused } from './core/start-refused.ts';
import type { AuditSeal, Store } from './core/store-port.ts';
import { ensureDataFolder, masterKey } from './data-folder.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';
import { openStore } from './store/open.ts';
import { transitEncryption } from './transit-encryption.ts';

export interface Preparing {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  /** What counts records of the audit chains, and sealed values that do not open. */
  readonly metrics: Pick<Metrics, 'audited' | 'custody'>;
}

export interface Prepared {
  /** Open: whoever prepared closes it. */
  readonly store: Store;
  readonly custody: Custody;
  readonly started: Bootstrapped;
}

/**
 * Throws `StartRefused` where starting would be wrong, else what the file system or the database throws; nothing stays open then.
 * A data plane changes nothing: it waits for what another node has to prepare.
 */
export async function prepare({ config, clock, log, metrics }: Preparing): Promise<Prepared> {
  const joins = config.role === 'data-plane';
  ensureDataFolder(config.data);
  const keys = keysOf(config, joins);
  const seal = laterSeal(metrics.audited);
  const schema = joins ? 'await' : 'migrate';
  const store = await openStore({ url: config.databaseUrl, dataFolder: config.data, seal, clock, log, schema });
  try {
    const onWait = (): void => log.warn('waiting for the first start of a node with role all');
    const { raise: onBroken } = custodyAlarms({
      store,
      clock,
      counted: metrics.custody.alarm,
      onRaised: (err) => log.error({ err }, 'a sealed value was changed, or is from elsewhere'),
      onError: (err) => log.error({ err }, 'an alarm of custody was not recorded'),
    });
    const options = { ...keys, mayFound: !joins, onWait, onBroken, now: clock.now };
    const custody = await openCustody(store, options);
    seal.begin(deriveKey(custody.root, 'audit-head'));
    if (!joins) tellReplacement(await replaceMasterKey(store, custody, options), log);
    const started = joins
      ? await join(store, { onWait })
      : await bootstrap(store, { rootToken: config.rootToken, now: clock.now() });
    return { store, custody, started };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** A key service takes over from master keys; those that are at hand open what was sealed before. */
function keysOf(config: Config, joins: boolean): Pick<CustodyOptions, 'current' | 'others' | 'masters'> {
  const { kmsUrl, kmsToken } = config;
  const service = kmsUrl && kmsToken ? transitEncryption({ url: kmsUrl, token: kmsToken }) : undefined;
  const missing = service ? 'optional' : joins ? 'need' : 'draw';
  const own = masterKey(config.data, { setting: config.masterKey, missing });
  const masters = [...(own === undefined ? [] : [own]), ...(config.otherMasterKeys ?? []).map((key) => key.export())];
  const [current, ...others] = [...(service ? [service] : []), ...masters.map(masterKeyEncryption)];
  if (current === undefined) throw new StartRefused('there is no master key');
  return { current, others, masters };
}

function tellReplacement(replacement: Replacement, log: Logger): void {
  if (replacement === 'replaced')
    log.warn('the master key was replaced: the former one opens nothing in this store any more');
  if (replacement === 'outdated')
    log.warn('the master key of this node was replaced by another one: give it that one as its own');
}

/** The key of the audit heads is in the store, sealed; nothing is recorded before it was opened. */
function laterSeal(onAudited: () => void): AuditSeal & { begin(key: Uint8Array): void } {
  let begun: AuditSeal | undefined;
  const seal = (): AuditSeal => {
    if (begun === undefined) throw new Error('nothing can be recorded yet');
    return begun;
  };
  return {
    begin(key) {
      begun = auditSeal(key);
    },
    record(entry, seq, previous) {
      onAudited();
      return seal().record(entry, seq, previous);
    },
    head: (record, before) => seal().head(record, before),
  };
}

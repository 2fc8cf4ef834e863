/** The host names in the address lists of the configuration, looked up as long as the platform runs. */
import { Resolver } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from './config/load.ts';
import { hostNamesIn } from './core/named-addresses.ts';
import { type FollowedNames, hostNames } from './names/host-names.ts';
import type { Logger } from './observe/log.ts';
import type { Metrics } from './observe/metrics.ts';

/** A start does not wait longer for first answers; what depends on one that is late is refused until it is there. */
const PATIENCE_MS = 2_000;

export interface ConfiguredNames extends Omit<FollowedNames, 'follow'> {
  /** From now on the names of this configuration. Resolves when all were asked for once, or after two seconds. */
  follow(config: Pick<Config, 'routes' | 'trustedProxies'>): Promise<void>;
}

export function followedNames({ log, metrics }: { readonly log: Logger; readonly metrics: Metrics }): ConfiguredNames {
  const { follow, ...names } = hostNames({
    resolver: new Resolver({ timeout: 2_000, tries: 2 }),
    monotonic: () => performance.now(),
    onFailure: (name, err) =>
      log.warn({ name, err }, 'a host name in an address list has no answer: the one before is kept for a day'),
    onRecovery: (name) => log.info({ name }, 'a host name in an address list has an answer again'),
    onLookup: metrics.hostNames.lookup,
  });
  metrics.hostNames.follow(names.unresolved);
  return {
    ...names,
    async follow({ routes, trustedProxies }) {
      const lists = routes.flatMap(({ ip }) => [...(ip?.allow ?? []), ...(ip?.deny ?? [])]);
      const wanted = hostNamesIn([...trustedProxies, ...lists]);
      const answered = follow(wanted);
      if (wanted.length > 0) await Promise.race([answered, delay(PATIENCE_MS, undefined, { ref: false })]);
    },
  };
}

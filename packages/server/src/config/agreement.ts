/** Rules between settings: defaults that follow from others, and values that contradict each other. */
import { isNearlyEveryone } from '@tessera/verify';
import { isUnproved } from './database-tls.ts';
import { isForNodes } from './database-url.ts';
import type { Finding } from './schema-problems.ts';
import type { SettingName, SettingValues } from './settings.ts';
import { tlsContradictions } from './tls-agreement.ts';

export interface Agreement {
  readonly values: SettingValues;
  /** Their paths start with the name of a setting. */
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
}

/** `values` with every default filled in; `given` are the settings that somebody gave. */
export function agree(values: SettingValues, given: ReadonlySet<SettingName>): Agreement {
  const longest = values.maxExpirySeconds;
  if (longest === undefined) return { values, ...contradictions(values, given) };
  const derived = {
    ...values,
    defaultExpirySeconds: given.has('defaultExpirySeconds')
      ? values.defaultExpirySeconds
      : Math.min(values.defaultExpirySeconds, longest),
    allowNoExpiry: given.has('allowNoExpiry') && values.allowNoExpiry,
  };
  return { values: derived, ...contradictions(derived, given) };
}

const PORTS = ['port', 'gatewayPort', 'metricsPort', 'tlsPort', 'gatewayTlsPort'] as const;

function contradictions(values: SettingValues, given: ReadonlySet<SettingName>): Omit<Agreement, 'values'> {
  const problems: Finding[] = [...tlsContradictions(values)];
  const longest = values.maxExpirySeconds;
  if (longest !== undefined && values.defaultExpirySeconds > longest) {
    problems.push({ path: ['defaultExpirySeconds'], message: 'is longer than maxExpirySeconds' });
  }
  if (longest !== undefined && values.allowNoExpiry) {
    problems.push({ path: ['allowNoExpiry'], message: 'cannot be true where maxExpirySeconds is set' });
  }
  for (const [index, later] of PORTS.entries()) {
    const earlier = PORTS.slice(0, index).find(
      (name) => values[name] !== undefined && values[name] !== 0 && values[name] === values[later],
    );
    if (earlier === undefined) continue;
    // Told at the one that somebody wrote: the other may be a default.
    const [at, other] = given.has(later) ? [later, earlier] : [earlier, later];
    problems.push({ path: [at], message: `is the port of ${other} too` });
  }
  // Where there is one machine, the platform on it is there or is not.
  if (values.role === 'data-plane' && !isForNodes(values.databaseUrl)) {
    problems.push({
      path: ['role'],
      message: 'cannot be data-plane without a database that nodes share: set databaseUrl to postgres://...',
    });
  }
  if ((values.kmsUrl === undefined) !== (values.kmsToken === undefined)) {
    const [at, other] = values.kmsUrl === undefined ? ['kmsToken', 'kmsUrl'] : ['kmsUrl', 'kmsToken'];
    problems.push({ path: [at ?? ''], message: `needs ${other} beside it` });
  }
  // Either the addresses say who our proxies are, or the count: a list that is not asked would look like protection.
  if (values.trustedHops > 0 && values.trustedProxies.length > 0) {
    problems.push({
      path: ['trustedHops'],
      message: 'cannot be set beside trustedProxies: proxies are known by address or counted',
    });
  }
  const warnings: Finding[] = [];
  if (isUnproved(values.databaseUrl)) warnings.push({ path: ['databaseUrl'], message: UNPROVED });
  if (values.trustEveryProxy) {
    warnings.push({ path: ['trustEveryProxy'], message: 'is on: clients may be able to forge their address' });
    return { problems, warnings };
  }
  for (const [index, range] of values.trustedProxies.entries()) {
    if (!isNearlyEveryone(range)) continue;
    problems.push({ path: ['trustedProxies', index], message: EVERYONE });
  }
  return { problems, warnings };
}

const UNPROVED = 'says sslmode=no-verify: anyone on the way to the database can read and change what passes';

const EVERYONE = 'would let every client forge its address; name your own proxies (trustEveryProxy: true overrides)';

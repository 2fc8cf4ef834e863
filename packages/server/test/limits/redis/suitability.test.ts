/** A Redis that could lose a counter by itself, or that has them in several places, does not count. */
import { describe, expect, it } from 'vitest';
import { suitability } from '../../../src/limits/redis/suitability.ts';

const info = (parts: Readonly<Record<string, string>> = {}): string => {
  const told = {
    redis_version: '7.0.15',
    redis_mode: 'standalone',
    run_id: 'abc123',
    maxmemory: '0',
    maxmemory_policy: 'noeviction',
    role: 'master',
    cluster_enabled: '0',
    ...parts,
  };
  return `# Server\r\n${Object.entries(told)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('')}`;
};

describe('a Redis', () => {
  it('that keeps what it is given, in one place, may count', () => {
    const fine = { server: 'abc123', fault: undefined, isReplica: false };
    expect(suitability(info())).toEqual(fine);
    expect(suitability(info({ maxmemory: '1000000' }))).toEqual(fine);
    expect(suitability(info({ maxmemory_policy: 'allkeys-lru' }))).toEqual(fine);
    expect(suitability(info({ role: 'slave' }))).toEqual({ ...fine, isReplica: true });
  });

  it.each([
    [{ redis_version: '5.0.14' }, 'Redis 5.0.14 is too old: 6 or newer, or any Valkey'],
    [{ redis_mode: 'sentinel' }, 'this is a Sentinel: name the primary, by a name that follows it'],
    [
      { cluster_enabled: '1' },
      'Redis Cluster is not supported: the limits of a request are counted in one step, on one server',
    ],
    [
      { maxmemory: '64000000', maxmemory_policy: 'volatile-ttl' },
      'maxmemory-policy is volatile-ttl: counters that are dropped let pass what was refused; set it to noeviction',
    ],
  ])('that tells %j must not', (parts, fault) => {
    expect(suitability(info(parts as Record<string, string>)).fault).toBe(fault);
  });

  it('that tells nothing must not', () => {
    expect(suitability('').fault).toBe('Redis does not tell what it is: INFO must be permitted');
  });
});

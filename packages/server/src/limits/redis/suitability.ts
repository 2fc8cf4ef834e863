/** Which Redis may count: one that keeps what it is given, and has all of it in one place. */

const LEAST_MAJOR = 6;

export interface Suitability {
  /** Names the process that answers. */
  readonly server: string;
  /** Why it must not count; undefined: it may. */
  readonly fault: string | undefined;
  /** It writes nothing, for as long as it is one. */
  readonly isReplica: boolean;
}

/** @param info what Redis answers to INFO */
export function suitability(info: string): Suitability {
  const told = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\s*$`, 'm').exec(info)?.[1];
  return { server: told('run_id') ?? '', fault: faultOf(told), isReplica: told('role') === 'slave' };
}

function faultOf(told: (name: string) => string | undefined): string | undefined {
  const version = told('redis_version');
  if (version === undefined) return 'Redis does not tell what it is: INFO must be permitted';
  if (Number.parseInt(version, 10) < LEAST_MAJOR) return `Redis ${version} is too old: 6 or newer, or any Valkey`;
  const mode = told('redis_mode');
  if (mode === 'sentinel') return 'this is a Sentinel: name the primary, by a name that follows it';
  // The rules of one request count by token, owner, api and address, in one step; a cluster keeps their keys apart.
  if (mode === 'cluster' || told('cluster_enabled') === '1') {
    return 'Redis Cluster is not supported: the limits of a request are counted in one step, on one server';
  }
  const policy = told('maxmemory_policy');
  if (told('maxmemory') !== '0' && policy !== 'noeviction') {
    return `maxmemory-policy is ${policy}: counters that are dropped let pass what was refused; set it to noeviction`;
  }
  return undefined;
}

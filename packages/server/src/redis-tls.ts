/** The files that Redis over TLS is spoken to with: whose certificate it must have, and the one that is shown to it. */
import type { Config } from './config/load.ts';
import { loadCertificate, readAuthorities } from './http/certificates.ts';
import type { RedisTls } from './limits/redis/connection.ts';

export type RedisTlsFiles = Pick<Config, 'redisCa' | 'redisCertificate' | 'redisKey'>;

export type LoadedRedisTls =
  | { readonly ok: true; readonly tls: RedisTls; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly setting: keyof RedisTlsFiles; readonly problem: string };

/** What they hold now. Does not throw. */
export function loadRedisTls({ redisCa, redisCertificate, redisKey }: RedisTlsFiles, now: number): LoadedRedisTls {
  const authorities = redisCa === undefined ? undefined : readAuthorities(redisCa);
  if (authorities?.ok === false) return { ok: false, setting: 'redisCa', problem: authorities.problem };
  const ca = authorities && { ca: authorities.text };
  // One without the other does not pass the checks of the configuration.
  if (redisCertificate === undefined || redisKey === undefined) return { ok: true, tls: { ...ca }, warnings: [] };
  const own = loadCertificate({ certificate: redisCertificate, key: redisKey }, now);
  if (own.ok) return { ok: true, tls: { ...ca, ...own.context }, warnings: own.warnings };
  const setting = own.problem.startsWith(`${redisKey} `) ? 'redisKey' : 'redisCertificate';
  return { ok: false, setting, problem: own.problem };
}

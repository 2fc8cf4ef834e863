/** The key files that settings name, as a start would find them: what cannot start is not a valid configuration. */
import { findAssertionKey } from './assertion-key.ts';
import type { Config } from './config/load.ts';
import type { Finding } from './config/schema-problems.ts';
import { type CertificateFiles, loadCertificate } from './http/certificates.ts';
import { loadRedisTls } from './redis-tls.ts';

/**
 * What is wrong with them now, and what is doubtful. Asked by `tessera config check` alone: a reload while a certificate is
 * being renewed must not fail for it.
 */
export function namedFileFindings(
  config: Config,
  now: number,
): { readonly problems: readonly Finding[]; readonly warnings: readonly Finding[] } {
  const problems: Finding[] = [];
  const warnings: Finding[] = [];
  if (config.assertionKey !== undefined) {
    const found = findAssertionKey(config.assertionKey);
    if (!found.ok) problems.push({ path: ['assertionKey'], message: found.problem });
  }
  const files = certificateFiles(config);
  if (files !== undefined) {
    const at = (message: string): Finding => ({ path: [settingOf(files, message)], message });
    const loaded = loadCertificate(files, now);
    if (loaded.ok) warnings.push(...loaded.warnings.map(at));
    else problems.push(at(loaded.problem));
  }
  const toRedis = loadRedisTls(config, now);
  if (toRedis.ok) warnings.push(...toRedis.warnings.map((message) => ({ path: ['redisCertificate'], message })));
  else problems.push({ path: [toRedis.setting], message: toRedis.problem });
  return { problems, warnings };
}

/** Undefined where TLS is not served. */
export function certificateFiles(config: Config): CertificateFiles | undefined {
  const { tlsCertificate, tlsKey, tlsClientCa, tlsClientCrl } = config;
  if (tlsCertificate === undefined || tlsKey === undefined) return undefined;
  return { certificate: tlsCertificate, key: tlsKey, clientCa: tlsClientCa, clientCrl: tlsClientCrl };
}

/** What is told of certificates starts with the path of the file that is meant. */
function settingOf({ key, clientCa, clientCrl }: CertificateFiles, message: string): string {
  const isOf = (path: string | undefined): boolean => path !== undefined && message.startsWith(`${path} `);
  if (isOf(key)) return 'tlsKey';
  if (isOf(clientCa)) return 'tlsClientCa';
  return isOf(clientCrl) ? 'tlsClientCrl' : 'tlsCertificate';
}

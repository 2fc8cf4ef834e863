/** Rules between the settings of TLS, served or spoken, and of proxies in front: what is half set would look like protection and be none. */
import type { Finding } from './schema-problems.ts';
import type { SettingValues } from './settings.ts';

export function tlsContradictions(values: SettingValues): readonly Finding[] {
  const { tlsPort, gatewayTlsPort, tlsCertificate, tlsKey, tlsClientCertificates, tlsClientCa, tlsClientCrl } = values;
  const problems: Finding[] = [];
  const wrong = (name: keyof SettingValues, message: string): void => void problems.push({ path: [name], message });
  const port = tlsPort !== undefined ? 'tlsPort' : gatewayTlsPort !== undefined ? 'gatewayTlsPort' : undefined;
  if (port !== undefined && tlsCertificate === undefined)
    wrong(port, 'needs a certificate: set tlsCertificate and tlsKey');
  if (tlsCertificate !== undefined && tlsKey === undefined) wrong('tlsCertificate', 'needs its key: set tlsKey');
  if (tlsKey !== undefined && tlsCertificate === undefined)
    wrong('tlsKey', 'needs its certificate: set tlsCertificate');
  if (tlsCertificate !== undefined && port === undefined)
    wrong('tlsCertificate', 'is served nowhere: set gatewayTlsPort or tlsPort');
  if (tlsClientCertificates !== 'off' && tlsClientCa === undefined)
    wrong('tlsClientCertificates', 'needs the authorities that they must be from: set tlsClientCa');
  if (tlsClientCertificates !== 'off' && tlsCertificate === undefined)
    wrong('tlsClientCertificates', 'are presented over TLS only: set tlsCertificate');
  for (const [name, value] of Object.entries({ tlsClientCa, tlsClientCrl }) as [keyof SettingValues, unknown][])
    if (value !== undefined && tlsClientCertificates === 'off')
      wrong(name, 'is not asked: set tlsClientCertificates to optional or required');
  const { redisUrl, redisCa, redisCertificate, redisKey } = values;
  if (redisCertificate !== undefined && redisKey === undefined)
    wrong('redisCertificate', 'needs its key: set redisKey');
  if (redisKey !== undefined && redisCertificate === undefined)
    wrong('redisKey', 'needs its certificate: set redisCertificate');
  for (const [name, value] of Object.entries({ redisCa, redisCertificate }) as [keyof SettingValues, unknown][])
    if (value !== undefined && redisUrl?.startsWith('rediss:') !== true)
      wrong(name, 'is for Redis over TLS only: set redisUrl to rediss://...');
  if (values.proxyProtocol !== 'none' && values.trustedProxies.length === 0)
    wrong('proxyProtocol', 'is believed of known proxies only: set trustedProxies');
  return problems;
}

/** Rules between the settings of TLS and of proxies in front: what is half set would look like protection and be none. */
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
  if (values.proxyProtocol !== 'none' && values.trustedProxies.length === 0)
    wrong('proxyProtocol', 'is believed of known proxies only: set trustedProxies');
  return problems;
}

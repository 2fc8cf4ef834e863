/** What Redis says when it does not let us in, or its certificate when it is not to be believed: what will not change by asking again. */
import { type CertificateFault, certificateFault } from '../../core/certificate-fault.ts';

/** This Redis must not count for us, whatever it answers. */
export class RedisUnsuitable extends Error {
  override readonly name = 'RedisUnsuitable';
}

/** Undefined where it may be otherwise the next time. `isReply`: Redis said so, in its protocol. */
export function refusalOf(error: unknown, isReply: boolean): RedisUnsuitable | undefined {
  if (error instanceof RedisUnsuitable) return error;
  const message = messageOf(error);
  if (isReply) return /^(?:WRONGPASS|NOAUTH|NOPERM|ERR AUTH)/.test(message) ? new RedisUnsuitable(message) : undefined;
  const fault = certificateFault(error);
  const meaning = fault === undefined ? OWN[codeOf(error)] : OF_REDIS[fault];
  return meaning === undefined ? undefined : new RedisUnsuitable(`${meaning} (${message})`);
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  if (!(error instanceof Error)) return String(error);
  // Of OpenSSL: the rest of its message tells where in its own source it was.
  return 'reason' in error && typeof error.reason === 'string' && 'library' in error ? error.reason : error.message;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

const OF_REDIS: Readonly<Record<CertificateFault, string>> = {
  authority: 'the certificate of Redis is from no authority that is trusted here; redisCa names another',
  host: 'the certificate of Redis is not for the host that redisUrl names',
};

/** Of ours, by the codes of OpenSSL. */
const OWN: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'Redis lets in only who presents a certificate: set redisCertificate and redisKey',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'Redis does not accept the certificate of redisCertificate',
};

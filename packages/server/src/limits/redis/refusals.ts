/** What Redis says when it does not let us in, or its certificate when it is not to be believed: what will not change by asking again. */

/** This Redis must not count for us, whatever it answers. */
export class RedisUnsuitable extends Error {
  override readonly name = 'RedisUnsuitable';
}

/** Undefined where it may be otherwise the next time. `isReply`: Redis said so, in its protocol. */
export function refusalOf(error: unknown, isReply: boolean): RedisUnsuitable | undefined {
  if (error instanceof RedisUnsuitable) return error;
  const message = messageOf(error);
  if (isReply) return /^(?:WRONGPASS|NOAUTH|NOPERM|ERR AUTH)/.test(message) ? new RedisUnsuitable(message) : undefined;
  const meaning = MEANINGS[codeOf(error)];
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

const STRANGE = 'the certificate of Redis is from no authority that is trusted here; redisCa names another';
const CALLERS = 'Redis lets in only who presents a certificate: set redisCertificate and redisKey';
const REFUSED = 'Redis does not accept the certificate of redisCertificate';

/** By the codes of Node and OpenSSL. One that has expired is not among them: it is renewed while nodes start and stop. */
const MEANINGS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: STRANGE,
  SELF_SIGNED_CERT_IN_CHAIN: STRANGE,
  UNABLE_TO_GET_ISSUER_CERT: STRANGE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: STRANGE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: STRANGE,
  CERT_SIGNATURE_FAILURE: STRANGE,
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate of Redis is not for the host that redisUrl names',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: CALLERS,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: REFUSED,
};

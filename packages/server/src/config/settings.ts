/** The platform's settings: name, type, default and documentation of each, in this one place. */
import { LONGEST_REQUEST_SECONDS, MOST_BODY_BYTES } from './route-bounds.ts';
import * as type from './value-types.ts';

export interface Setting<T> {
  /** Name in the environment. The name in the file is the key in `settings`. */
  readonly env: `TESSERA_${string}`;
  /** A name that other programs use too; the `TESSERA_` name wins. */
  readonly alias?: string;
  readonly type: type.ValueType<T>;
  readonly default: T | undefined;
  readonly doc: string;
  /** Never printed; in the environment also as `<env>_FILE`, which names a file that holds it. */
  readonly secret?: true;
  /** Only in the environment. */
  readonly envOnly?: true;
}

const DAY = 86_400;
const CENTURY = 36_500 * DAY;
const FORWARDED_HEADERS = ['x-forwarded-for', 'forwarded'] as const;
type ForwardedHeader = (typeof FORWARDED_HEADERS)[number];
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
/** Which of the two listeners a setting is about. */
const DOORS = ['none', 'gateway', 'platform', 'both'] as const;
const ROLES = ['all', 'data-plane'] as const;
const CLIENT_CERTIFICATES = ['off', 'optional', 'required'] as const;

export const settings = {
  configFile: optional({
    env: 'TESSERA_CONFIG',
    type: type.path,
    envOnly: true,
    doc: 'The configuration file. Without it `./tessera.yaml` is read where it exists.',
  }),
  host: required({
    env: 'TESSERA_HOST',
    type: type.host,
    default: '127.0.0.1',
    doc: 'Address that every listener binds to.',
  }),
  port: required({
    env: 'TESSERA_PORT',
    type: type.port,
    default: 8420,
    doc: 'Port of the platform listener: management API, verify, forward-auth. 0 takes a free one.',
  }),
  gatewayPort: required({
    env: 'TESSERA_GATEWAY_PORT',
    type: type.port,
    default: 8421,
    doc: 'Port of the gateway listener. 0 takes a free one.',
  }),
  metricsPort: optional({
    env: 'TESSERA_METRICS_PORT',
    type: type.port,
    doc: 'Port of a listener for `/metrics` alone. Without it metrics are on the platform listener.',
  }),
  tlsPort: optional({
    env: 'TESSERA_TLS_PORT',
    type: type.port,
    doc: 'Port of the platform listener over TLS, beside the one in clear. 0 takes a free one. Without it there is none.',
  }),
  gatewayTlsPort: optional({
    env: 'TESSERA_GATEWAY_TLS_PORT',
    type: type.port,
    doc: 'Port of the gateway listener over TLS, beside the one in clear. 0 takes a free one. Without it there is none.',
  }),
  tlsCertificate: optional({
    env: 'TESSERA_TLS_CERTIFICATE',
    type: type.path,
    doc: 'PEM file: the certificate of the TLS listeners, and those that lead to its root. Followed and reloaded.',
  }),
  tlsKey: optional({
    env: 'TESSERA_TLS_KEY',
    type: type.path,
    doc: 'PEM file: the private key of `tlsCertificate`, not encrypted, readable by its owner alone. Followed and reloaded.',
  }),
  tlsClientCertificates: required<(typeof CLIENT_CERTIFICATES)[number]>({
    env: 'TESSERA_TLS_CLIENT_CERTIFICATES',
    type: type.oneOf(CLIENT_CERTIFICATES),
    default: 'off',
    doc: 'Whether clients present certificates over TLS. One that is not valid is refused in either case: `optional` admits clients without any.',
  }),
  tlsClientCa: optional({
    env: 'TESSERA_TLS_CLIENT_CA',
    type: type.path,
    doc: 'PEM file: the authorities that client certificates must be from. Followed and reloaded.',
  }),
  tlsClientCrl: optional({
    env: 'TESSERA_TLS_CLIENT_CRL',
    type: type.path,
    doc: 'PEM file: the list of revoked client certificates. Once it is past its next update, every client certificate is refused. Followed and reloaded.',
  }),
  publicHttp: required<(typeof DOORS)[number]>({
    env: 'TESSERA_PUBLIC_HTTP',
    type: type.oneOf(DOORS),
    default: 'none',
    doc: 'Listeners in clear that strangers reach: `none`, `gateway`, `platform` or `both`. A credential that arrives there is refused and reported as exposed.',
  }),
  proxyProtocol: required<(typeof DOORS)[number]>({
    env: 'TESSERA_PROXY_PROTOCOL',
    type: type.oneOf(DOORS),
    default: 'none',
    doc: 'Listeners, in clear and over TLS, where every connection begins with a PROXY protocol header (version 1 or 2) from one of `trustedProxies`: `none`, `gateway`, `platform` or `both`. Any other connection is closed.',
  }),
  publicUrl: optional({
    env: 'TESSERA_PUBLIC_URL',
    type: type.origin,
    doc: 'Origin under which callers reach the platform listener, where a proxy stands in front of it.',
  }),
  data: required({
    env: 'TESSERA_DATA',
    type: type.path,
    default: './data',
    doc: 'Data folder. A relative path starts at the working folder.',
  }),
  databaseUrl: optional({
    env: 'TESSERA_DATABASE_URL',
    type: type.databaseUrl,
    secret: true,
    doc: '`sqlite:<file>`, or `postgres://...` for several nodes; over TLS with `?sslmode=verify-full&sslrootcert=<file>`. Without it an SQLite file in the data folder.',
  }),
  role: required<(typeof ROLES)[number]>({
    env: 'TESSERA_ROLE',
    type: type.oneOf(ROLES),
    default: 'all',
    doc: 'What this node does: `all`, or `data-plane`: gateway, forward-auth and verify, without management. A data plane needs PostgreSQL, and waits for a node with role `all` to prepare it.',
  }),
  redisUrl: optional({
    env: 'TESSERA_REDIS_URL',
    type: type.redisUrl,
    secret: true,
    doc: '`redis://...` or `rediss://...`: Redis (6 or newer) or Valkey that counts limits and used proofs for several nodes. Without it each node counts its share of a limit.',
  }),
  redisCa: optional({
    env: 'TESSERA_REDIS_CA',
    type: type.path,
    doc: 'PEM file: the authorities that the certificate of a `rediss://` Redis must be from, in the place of those of the runtime. Read for each connection.',
  }),
  redisCertificate: optional({
    env: 'TESSERA_REDIS_CERTIFICATE',
    type: type.path,
    doc: 'PEM file: the certificate that is shown to a `rediss://` Redis that asks for one, and those that lead to its root. Read for each connection.',
  }),
  redisKey: optional({
    env: 'TESSERA_REDIS_KEY',
    type: type.path,
    doc: 'PEM file: the private key of `redisCertificate`, not encrypted, readable by its owner alone. Read for each connection.',
  }),
  rootToken: optional({
    env: 'TESSERA_ROOT_TOKEN',
    type: type.tokenText,
    secret: true,
    doc: 'Administrator token, a well-formed token text. Without it the first start makes one and prints it once.',
  }),
  masterKey: optional({
    env: 'TESSERA_MASTER_KEY',
    type: type.key32,
    secret: true,
    doc: 'Key-encryption key: exactly 32 bytes, as 64 hex digits or base64.',
  }),
  kmsUrl: optional({
    env: 'TESSERA_KMS_URL',
    type: type.transitKeyUrl,
    doc: 'Key of a transit engine (HashiCorp Vault, OpenBao) that takes the place of `masterKey`: `https://<host>/v1/<mount>/keys/<name>`, of type `aes256-gcm96`.',
  }),
  kmsToken: optional({
    env: 'TESSERA_KMS_TOKEN',
    type: type.opaqueText,
    secret: true,
    doc: 'Token for `kmsUrl`; it needs `update` on `<mount>/encrypt/<name>` and `<mount>/decrypt/<name>`, and nothing else.',
  }),
  otherMasterKeys: optional({
    env: 'TESSERA_OTHER_MASTER_KEYS',
    type: type.keys32,
    secret: true,
    doc: 'Key-encryption keys that may open what the store holds beside `masterKey`: the former one while it is replaced, or the next one before it is.',
  }),
  assertionKey: optional({
    env: 'TESSERA_ASSERTION_KEY',
    type: type.path,
    doc: 'File of an Ed25519 private key (PKCS #8, PEM) that signs `X-Tessera-Assertion` in the place of the key ring; nobody else may read it. `openssl genpkey -algorithm ed25519` makes one.',
  }),
  signingKeySeconds: required({
    env: 'TESSERA_SIGNING_KEY_SECONDS',
    type: type.seconds(0, CENTURY),
    default: 90 * DAY,
    doc: 'How long a key of a ring signs before the next one takes its place, in seconds or as `90d`. 0: until somebody rotates it.',
  }),
  issuerAddresses: required<readonly string[]>({
    env: 'TESSERA_ISSUER_ADDRESSES',
    type: type.addressRanges,
    default: [],
    doc: 'Addresses and CIDR ranges at which issuers of accepted tokens are asked, though they are private, link-local or reserved. All others of that kind are refused. In the environment separated by commas.',
  }),
  issuerCa: optional({
    env: 'TESSERA_ISSUER_CA',
    type: type.path,
    doc: 'PEM file: authorities that certificates of issuers may be from, beside those of the runtime, such as that of a Kubernetes cluster. Read at the start.',
  }),
  issuerKeysKeptSeconds: required({
    env: 'TESSERA_ISSUER_KEYS_KEPT_SECONDS',
    type: type.seconds(0, 30 * DAY),
    default: DAY,
    doc: 'How long the last known keys of an issuer are used while they cannot be fetched again, in seconds or as `12h`, and never less than ten minutes. Who can keep this server from an issuer can so long keep a key in use that the issuer withdrew.',
  }),
  defaultExpirySeconds: required({
    env: 'TESSERA_DEFAULT_EXPIRY_SECONDS',
    type: type.seconds(1, CENTURY),
    default: 90 * DAY,
    doc: 'Lifetime of a token whose request names none. Where `maxExpirySeconds` is shorter, that.',
  }),
  maxExpirySeconds: optional({
    env: 'TESSERA_MAX_EXPIRY_SECONDS',
    type: type.seconds(1, CENTURY),
    doc: 'Longest lifetime that a token may be given. Without it any.',
  }),
  allowNoExpiry: required({
    env: 'TESSERA_ALLOW_NO_EXPIRY',
    type: type.flag,
    default: true,
    doc: 'Whether a token may be minted without an expiry. Where `maxExpirySeconds` is set, the default is false.',
  }),
  failedCredentialsPerMinute: required({
    env: 'TESSERA_FAILED_CREDENTIALS_PER_MINUTE',
    type: type.wholeNumber(1, 1_000_000),
    default: 100,
    doc: 'Failed credentials that a source address (IPv6: its /64) may present in a minute before it is answered 429.',
  }),
  exchangesPerMinute: required({
    env: 'TESSERA_EXCHANGES_PER_MINUTE',
    type: type.wholeNumber(1, 1_000_000),
    default: 600,
    doc: 'How often a minute a token, together with all that descend from it, may be exchanged for a shorter one before it is answered 429.',
  }),
  maxConnections: required({
    env: 'TESSERA_MAX_CONNECTIONS',
    type: type.wholeNumber(1, 1_000_000),
    default: 20_000,
    doc: 'Connections that each listener holds at once; one more is closed as soon as it is accepted.',
  }),
  trustedProxies: required<readonly string[]>({
    env: 'TESSERA_TRUSTED_PROXIES',
    type: type.addressEntries,
    default: [],
    doc: 'Addresses, CIDR ranges or host names of the proxies whose `forwardedHeader` is believed. In the environment separated by commas.',
  }),
  trustedHops: required({
    env: 'TESSERA_TRUSTED_HOPS',
    type: type.wholeNumber(0, 16),
    default: 0,
    doc: 'How many proxies every request passes, where they have no fixed addresses to name in `trustedProxies`: the client is counted from the right. Whoever can reach the listeners past them can then forge its address.',
  }),
  forwardedHeader: required<ForwardedHeader>({
    env: 'TESSERA_FORWARDED_HEADER',
    type: type.oneOf(FORWARDED_HEADERS),
    default: 'x-forwarded-for',
    doc: 'The one header in which trusted proxies tell of the client: `x-forwarded-for` (with `-host` and `-proto`) or `forwarded` (RFC 7239). The other is never believed.',
  }),
  trustEveryProxy: required({
    env: 'TESSERA_TRUST_EVERY_PROXY',
    type: type.flag,
    default: false,
    doc: 'Dangerous: admits ranges such as `0.0.0.0/0` in `trustedProxies`. Every client can then forge its address.',
  }),
  maxBodyBytes: optional({
    env: 'TESSERA_MAX_BODY_BYTES',
    type: type.wholeNumber(0, MOST_BODY_BYTES),
    doc: 'Longest request body that the gateway takes, where a route says nothing. Without it any length, streamed.',
  }),
  requestTimeoutSeconds: required({
    env: 'TESSERA_REQUEST_TIMEOUT_SECONDS',
    type: type.seconds(1, LONGEST_REQUEST_SECONDS),
    default: 3600,
    doc: 'How long a request body may take to arrive at the gateway, where a route says nothing.',
  }),
  stallSeconds: required({
    env: 'TESSERA_STALL_SECONDS',
    type: type.seconds(1, 3600),
    default: 30,
    doc: 'How long a client may send nothing of a body that is waited for, or leave an answer unread, before it is cut. The body of a request to the platform must be whole by then.',
  }),
  workers: required<'auto' | number>({
    env: 'TESSERA_WORKERS',
    type: type.workers,
    default: 1,
    doc: 'Threads that serve, all on the same ports; `auto` is one for each core. More than one needs Linux. Each keeps facts of `cacheTokens` tokens.',
  }),
  stalenessSeconds: required({
    env: 'TESSERA_STALENESS_SECONDS',
    type: type.seconds(1, 300),
    default: 5,
    doc: 'How long a node without news of changes may judge from memory; then it refuses what it cannot re-check.',
  }),
  cacheTokens: required({
    env: 'TESSERA_CACHE_TOKENS',
    type: type.wholeNumber(1, 10_000_000),
    default: 100_000,
    doc: 'Tokens whose facts are kept in memory.',
  }),
  drainSeconds: required({
    env: 'TESSERA_DRAIN_SECONDS',
    type: type.seconds(0, 600),
    default: 0,
    doc: 'How long a stop still takes new requests while `/readyz` answers 503. Behind a load balancer: longer than it needs to notice.',
  }),
  shutdownSeconds: required({
    env: 'TESSERA_SHUTDOWN_SECONDS',
    type: type.seconds(0, 3600),
    default: 25,
    doc: 'How long a stop waits for requests that are under way.',
  }),
  logLevel: required<(typeof LOG_LEVELS)[number]>({
    env: 'TESSERA_LOG_LEVEL',
    alias: 'LOG_LEVEL',
    type: type.oneOf(LOG_LEVELS),
    default: 'info',
    doc: `Least severe log line that is written: ${LOG_LEVELS.join(', ')}.`,
  }),
} as const;

export type SettingName = keyof typeof settings;

/** The value of each setting, once it is read. */
export type SettingValues = {
  readonly [Name in SettingName]: (typeof settings)[Name] extends Setting<infer T> ? T : never;
};

export const settingNames = Object.freeze(Object.keys(settings).filter(isSettingName));

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settings, name);
}

function required<T>(setting: Setting<T> & { readonly default: T }): Setting<T> {
  return Object.freeze<Setting<T>>(setting);
}

function optional<T>(setting: Omit<Setting<T>, 'default'>): Setting<T | undefined> {
  return Object.freeze({ ...setting, default: undefined });
}

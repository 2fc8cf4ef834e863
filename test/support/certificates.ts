/** Certificates for tests, made here and now: an authority of their own, and what it signs, good or wrong in a chosen way. */
import { Buffer } from 'node:buffer';
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bits, type Der, integer, octets, oid, sequence, set, tagged, time, utf8, yes } from './der.ts';

/** A certificate and its key: PEM texts, and the files that hold them (the key's is mode 0600). */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** SHA-256 of the certificate's DER, base64url: `x5t#S256` (RFC 8705 section 3.1). */
  readonly thumbprint: string;
  readonly serial: Uint8Array;
}

export interface Validity {
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Days from now; negative: it ended then. Default 30. */
  readonly days?: number;
  /** Bytes of an extension that means nothing: a large certificate. */
  readonly padding?: number;
  /** Signed with its own key, and not by the authority. */
  readonly selfSigned?: boolean;
}

export interface Authority {
  /** PEM file and text of the authority's own certificate, for `ca` options and trust settings. */
  readonly certificate: string;
  readonly certificatePem: string;
  /** For a server with these host names and addresses. The first name is the subject too. */
  server(names: readonly string[], validity?: Validity): Pair;
  /** For a client whose subject's common name is exactly this text, whatever is in it. */
  client(commonName: string, validity?: Validity): Pair;
  /** The file of a list of revoked certificates: these, and no others. */
  revoke(...pairs: readonly Pair[]): string;
  /** Removes every file. */
  remove(): void;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/**
 * A new authority with a folder of its own.
 *
 *     const authority = certificates();
 *     createServer({ cert: authority.server(['localhost', '127.0.0.1']).certificatePem, ... });
 *     afterAll(authority.remove);
 */
export function certificates(name = 'Test authority'): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-certificates-'));
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer: Issuer = { name, key: keys.privateKey, publicKey: keys.publicKey };
  let made = 0;
  const write = (suffix: string, text: string): string => {
    const path = join(folder, `${made}-${suffix}.pem`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const pair = (
    subject: string,
    extensions: readonly Der[],
    { padding = 0, selfSigned, ...validity }: Validity,
  ): Pair => {
    made += 1;
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const all = padding === 0 ? extensions : [...extensions, extension(PADDING, octets(new Uint8Array(padding)))];
    const serial = Buffer.concat([Buffer.from([1]), randomBytes(8)]);
    const self: Issuer = { name: subject, key: own.privateKey, publicKey: own.publicKey };
    const signer = selfSigned === true ? self : issuer;
    const der = certificateOf({ subject, serial, key: own.publicKey, extensions: all, validity }, signer);
    const certificatePem = pem('CERTIFICATE', der);
    const keyPem = own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    return {
      serial,
      certificatePem,
      keyPem,
      certificate: write('certificate', certificatePem),
      key: write('key', keyPem),
      thumbprint: createHash('sha256').update(der).digest('base64url'),
    };
  };
  const certificatePem = pem(
    'CERTIFICATE',
    certificateOf(
      { subject: name, serial: Buffer.from([1]), key: keys.publicKey, extensions: OF_AUTHORITY, validity: {} },
      issuer,
    ),
  );
  return {
    certificatePem,
    certificate: write('authority', certificatePem),
    server: (names, validity = {}) => pair(names[0] ?? 'server', [alternativeNames(names), FOR_SERVERS], validity),
    client: (commonName, validity = {}) => pair(commonName, [FOR_CLIENTS], validity),
    revoke: (...pairs) => {
      made += 1;
      return write('revoked', pem('X509 CRL', revocationsOf(pairs, issuer)));
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

interface Issuer {
  readonly name: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

interface Subject {
  readonly subject: string;
  readonly serial: Uint8Array;
  readonly key: KeyObject;
  readonly extensions: readonly Der[];
  readonly validity: Pick<Validity, 'notBefore' | 'days'>;
}

/** RFC 5280 section 4.1. */
function certificateOf({ subject, serial, key, extensions, validity }: Subject, issuer: Issuer): Der {
  const { notBefore = new Date(Date.now() - HOUR_MS), days = 30 } = validity;
  const end = new Date(Date.now() + days * DAY_MS);
  // What ended long ago began before that.
  const start = notBefore < end ? notBefore : new Date(end.getTime() - DAY_MS);
  const signed = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ECDSA_WITH_SHA256,
    nameOf(issuer.name),
    sequence(time(start), time(end)),
    nameOf(subject),
    key.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions, extension('2.5.29.14', octets(keyId(key))), issuedWith(issuer))),
  );
  return sequence(signed, ECDSA_WITH_SHA256, bits(sign('sha256', signed, issuer.key)));
}

/** RFC 5280 section 5.1. */
function revocationsOf(pairs: readonly Pair[], issuer: Issuer): Der {
  const now = Date.now();
  const revoked = pairs.map(({ serial }) => sequence(integer(serial), time(new Date(now - HOUR_MS))));
  const signed = sequence(
    integer(Buffer.from([1])),
    ECDSA_WITH_SHA256,
    nameOf(issuer.name),
    time(new Date(now - HOUR_MS)),
    time(new Date(now + DAY_MS)),
    ...(revoked.length === 0 ? [] : [sequence(...revoked)]),
    tagged(0xa0, sequence(issuedWith(issuer), extension('2.5.29.20', integer(Buffer.from([1]))))),
  );
  return sequence(signed, ECDSA_WITH_SHA256, bits(sign('sha256', signed, issuer.key)));
}

/** Any name of the key does; strict verifiers only want one. */
function keyId(key: KeyObject): Uint8Array {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

function issuedWith({ publicKey }: Issuer): Der {
  return extension('2.5.29.35', sequence(tagged(0x80, keyId(publicKey))));
}

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const COMMON_NAME = '2.5.4.3';
/** Of the arc for examples in documentation (RFC 5612). */
const PADDING = '1.3.6.1.4.1.32473.1';

function nameOf(commonName: string): Der {
  return sequence(set(sequence(oid(COMMON_NAME), utf8(commonName))));
}

function extension(id: string, value: Der, ...critical: readonly Der[]): Der {
  return sequence(oid(id), ...critical, octets(value));
}

function alternativeNames(names: readonly string[]): Der {
  const one = (name: string): Der =>
    isIP(name) === 4
      ? tagged(0x87, Buffer.from(name.split('.').map(Number)))
      : tagged(0x82, Buffer.from(name, 'ascii'));
  return extension('2.5.29.17', sequence(...names.map(one)));
}

/** basicConstraints: CA. keyUsage: keyCertSign, cRLSign. */
const OF_AUTHORITY = [
  extension('2.5.29.19', sequence(yes), yes),
  extension('2.5.29.15', tagged(0x03, Buffer.from([1, 0x06])), yes),
];
const FOR_SERVERS = extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1')));
const FOR_CLIENTS = extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.2')));

function pem(label: string, der: Der): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

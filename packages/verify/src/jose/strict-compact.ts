/** The strict reader: a compact JWS (RFC 7515) that has one spelling and asks for nothing we do not do. */
import { Buffer } from 'node:buffer';
import { strictJsonObject } from './strict-json.ts';

export interface StrictCompact {
  readonly header: StrictHeader;
  /** The payload. Claims of a stranger until the signature is verified. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** What was signed: header and payload as they were sent (RFC 7515 section 5.1). ASCII. */
  readonly input: string;
  readonly signature: Buffer;
}

export interface StrictHeader {
  readonly alg: string;
  readonly typ: string | undefined;
  readonly kid: string | undefined;
  /** A key that the text brings along: to be refused wherever it is not a proof of possession. */
  readonly jwk: unknown;
}

const MAX_KID_LENGTH = 256;

/**
 * Header parameters that change what is signed, compress it or fetch keys from where the text says (RFC 7515 section 4,
 * RFC 7797, RFC 7516). None is needed, so each is refused whatever its value.
 */
const REFUSED_PARAMETERS = ['crit', 'b64', 'zip', 'enc', 'jku', 'x5u', 'x5c'] as const;

/**
 * Reads header and payload, or undefined where the text is not exactly one compact JWS of JSON. Other readers forgive padding,
 * spaces and repeated members; forgiven here, one token would have many texts, and a cache or a revocation keyed by the
 * text would know only one of them. An empty signature is left to fail its verification.
 */
export function strictCompact(text: string, maxLength: number): StrictCompact | undefined {
  if (text.length > maxLength) return undefined;
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  if (first === -1 || second === -1) return undefined;
  const header = headerOf(text.slice(0, first));
  if (header === undefined) return undefined;
  const claims = objectOf(text.slice(first + 1, second));
  // A dot more is no base64url.
  const signature = bytesOf(text.slice(second + 1));
  if (claims === undefined || signature === undefined) return undefined;
  return { header, claims, input: text.slice(0, second), signature };
}

/** The bytes of base64url text (RFC 4648 section 5) in its only canonical spelling, else undefined. */
export function bytesOf(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

/** What a key signs begins alike, so that a header that was read is hardly ever read again. Those that bring a key along are of one proof each. */
const known = new Map<string, StrictHeader>();
const MOST_KNOWN = 64;

function headerOf(segment: string): StrictHeader | undefined {
  const before = known.get(segment);
  if (before !== undefined) return before;
  const header = readHeader(segment);
  if (header === undefined || header.jwk !== undefined) return header;
  if (known.size === MOST_KNOWN) known.clear();
  // A copy: a slice would keep the whole text, which is a secret, in memory.
  known.set(Buffer.from(segment, 'latin1').toString('latin1'), header);
  return header;
}

function readHeader(segment: string): StrictHeader | undefined {
  const header = objectOf(segment);
  if (header === undefined || REFUSED_PARAMETERS.some((name) => Object.hasOwn(header, name))) return undefined;
  const { alg, typ, kid, jwk } = header;
  if (typeof alg !== 'string' || !isAbsentOrText(typ) || !isAbsentOrText(kid)) return undefined;
  if (kid !== undefined && kid.length > MAX_KID_LENGTH) return undefined;
  return Object.freeze({ alg, typ, kid, jwk });
}

function objectOf(segment: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = bytesOf(segment);
  return bytes === undefined ? undefined : strictJsonObject(bytes);
}

function isAbsentOrText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

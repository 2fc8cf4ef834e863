/** The strict reader before `jose`: a compact JWS (RFC 7515) that has one spelling and asks for nothing we do not do. */
import { Buffer } from 'node:buffer';
import { strictJsonObject } from './strict-json.ts';

export interface StrictCompact {
  readonly header: StrictHeader;
  /** The payload. Claims of a stranger until the signature is verified. */
  readonly claims: Readonly<Record<string, unknown>>;
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
 * Reads header and payload, or undefined where the text is not exactly one compact JWS of JSON. `jose` forgives padding,
 * spaces and repeated members; forgiven here, one token would have many texts, and a cache or a revocation keyed by the
 * text would know only one of them. An empty signature is left to fail its verification.
 */
export function strictCompact(text: string, maxLength: number): StrictCompact | undefined {
  if (text.length > maxLength) return undefined;
  const [protectedHeader, payload, signature, ...more] = text.split('.');
  if (protectedHeader === undefined || payload === undefined || signature === undefined) return undefined;
  if (more.length > 0 || bytesOf(signature) === undefined) return undefined;
  const header = objectOf(protectedHeader);
  if (header === undefined || REFUSED_PARAMETERS.some((name) => Object.hasOwn(header, name))) return undefined;
  const claims = objectOf(payload);
  const { alg, typ, kid, jwk } = header;
  if (claims === undefined || typeof alg !== 'string' || !isAbsentOrText(typ) || !isAbsentOrText(kid)) return undefined;
  if (kid !== undefined && kid.length > MAX_KID_LENGTH) return undefined;
  return { header: { alg, typ, kid, jwk }, claims };
}

/** The bytes of base64url text (RFC 4648 section 5) in its only canonical spelling, else undefined. */
export function bytesOf(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

function objectOf(segment: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = bytesOf(segment);
  return bytes === undefined ? undefined : strictJsonObject(bytes);
}

function isAbsentOrText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

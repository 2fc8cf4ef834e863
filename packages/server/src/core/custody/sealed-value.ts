/**
 * A value sealed with AES-256-GCM (NIST SP 800-38D) under a key of its own, which is derived (HKDF, RFC 5869) from a data key and
 * a salt that is drawn for each value: no two values share a key, so that no nonce can ever be used twice.
 * Layout: version (1 byte), length of the data key's id (1), id, salt (32), ciphertext, tag (16).
 */
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { type Place, placeBytes, placeName } from './place.ts';

export interface DataKey {
  readonly id: string;
  /** 32 bytes. */
  readonly key: KeyObject;
}

/** What is kept was changed, cut, moved from elsewhere, or was never sealed. Names the place and never holds what is there. */
export class BrokenSeal extends Error {
  override readonly name = 'BrokenSeal';
  readonly place: Place;

  constructor(place: Place, options?: ErrorOptions) {
    super(`the sealed value at ${placeName(place)} was changed, or is from elsewhere`, options);
    this.place = place;
  }
}

const VERSION = 1;
const SALT_BYTES = 32;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';

export function sealValue({ id, key }: DataKey, place: Place, plain: Uint8Array): Uint8Array {
  const head = Buffer.concat([Buffer.of(VERSION, id.length), Buffer.from(id, 'latin1'), randomBytes(SALT_BYTES)]);
  const cipher = createCipheriv(CIPHER, ...ownKey(key, head));
  cipher.setAAD(Buffer.concat([head, placeBytes(place)]));
  return new Uint8Array(Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
}

/** @throws BrokenSeal where this is no sealed value */
export function dataKeyIdOf(sealed: Uint8Array, place: Place): string {
  const length = sealed[1];
  if (sealed[0] !== VERSION || length === undefined || sealed.length < 2 + length + SALT_BYTES + TAG_BYTES)
    throw new BrokenSeal(place);
  return Buffer.from(sealed.subarray(2, 2 + length)).toString('latin1');
}

/** @throws BrokenSeal where it is not exactly what was sealed for this place under this key */
export function openValue({ id, key }: DataKey, place: Place, sealed: Uint8Array): Uint8Array {
  if (dataKeyIdOf(sealed, place) !== id) throw new BrokenSeal(place);
  const body = 2 + id.length + SALT_BYTES;
  const head = sealed.subarray(0, body);
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, ...ownKey(key, head), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.concat([head, placeBytes(place)]));
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(body, end)), decipher.final()]));
  } catch (cause) {
    throw new BrokenSeal(place, { cause });
  }
}

/** Key and nonce of one value. */
function ownKey(key: KeyObject, head: Uint8Array): [Uint8Array, Uint8Array] {
  const salt = head.subarray(head.length - SALT_BYTES);
  const derived = new Uint8Array(hkdfSync('sha256', key, salt, 'tessera/v1/sealed-value', 44));
  return [derived.subarray(0, 32), derived.subarray(32)];
}

/** Writes DER (ITU-T X.690): the few types that a certificate is made of. */
import { Buffer } from 'node:buffer';

export type Der = Uint8Array;

/** Any value, by its tag byte. */
export function tagged(tag: number, ...parts: readonly Uint8Array[]): Der {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
}

export const sequence = (...parts: readonly Der[]): Der => tagged(0x30, ...parts);
export const set = (...parts: readonly Der[]): Der => tagged(0x31, ...parts);
export const octets = (bytes: Uint8Array): Der => tagged(0x04, bytes);
export const bits = (bytes: Uint8Array): Der => tagged(0x03, Buffer.from([0]), bytes);
export const utf8 = (text: string): Der => tagged(0x0c, Buffer.from(text, 'utf8'));
export const yes: Der = tagged(0x01, Buffer.from([0xff]));

/** A whole number that is not negative, from its bytes. */
export function integer(bytes: Uint8Array): Der {
  return tagged(0x02, (bytes[0] ?? 0) < 0x80 ? bytes : Buffer.concat([Buffer.from([0]), bytes]));
}

/** An object identifier, as it is written with dots. */
export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** GeneralizedTime, in whole seconds. */
export function time(at: Date): Der {
  return tagged(0x18, Buffer.from(`${at.toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')}Z`, 'ascii'));
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes = bytesOf(length);
  return [0x80 | bytes.length, ...bytes];
}

function bytesOf(number: number): readonly number[] {
  return number < 0x100 ? [number] : [...bytesOf(Math.floor(number / 0x100)), number % 0x100];
}

function base128(number: number): readonly number[] {
  const high = (left: number): readonly number[] =>
    left === 0 ? [] : [...high(Math.floor(left / 128)), 0x80 | (left % 128)];
  return [...high(Math.floor(number / 128)), number % 128];
}

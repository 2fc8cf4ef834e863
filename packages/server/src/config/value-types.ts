/** The types of single settings: a schema for the value in the file, and how the text of an environment variable becomes one. */
import { Buffer } from 'node:buffer';
import { createSecretKey, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { parse } from '@tessera/token';
import { isAddressRange } from '@tessera/verify';
import { z } from 'zod';
import { keyUrl } from '../core/custody/key-url.ts';
import { addressEntry } from './address-range.ts';
import { databaseTlsFault, withProof } from './database-tls.ts';
import { isDatabaseUrl } from './database-url.ts';
import { duration } from './duration.ts';
import { originOf } from './origin.ts';
import * as plain from './plain-values.ts';

export interface ValueType<T> {
  readonly schema: z.ZodType<T>;
  /** Environment text to a file value. What it cannot read it returns as it is, for the schema to refuse. */
  readonly fromText: (text: string) => unknown;
}

const asText = (text: string): unknown => text;
const asNumber = (text: string): unknown => (/^\d{1,16}$/.test(text) ? Number(text) : text);
const asFlag = (text: string): unknown => (text === 'true' ? true : text === 'false' ? false : text);
const asList = (text: string): unknown => text.split(/[\s,]+/).filter((item) => item !== '');

export function wholeNumber(min: number, max: number): ValueType<number> {
  return { schema: plain.wholeNumber(min, max), fromText: asNumber };
}

const WORKERS = 'must be auto or a whole number from 1 to 256';
export const workers: ValueType<'auto' | number> = {
  schema: z.union([z.literal('auto'), z.int().min(1).max(256)], WORKERS),
  fromText: (text) => (text === 'auto' ? text : asNumber(text)),
};

/** 0 lets the system choose a free port. */
export const port = wholeNumber(0, 65_535);

export const flag: ValueType<boolean> = { schema: plain.flag, fromText: asFlag };

/** Seconds. */
export function seconds(min: number, max: number): ValueType<number> {
  return { schema: duration(min, max), fromText: asText };
}

export function oneOf<const Choice extends string>(choices: readonly Choice[]): ValueType<Choice> {
  return { schema: plain.oneOf(...choices), fromText: asText };
}

const PATH = 'must be the path of a file or folder';
export const path: ValueType<string> = {
  schema: z.string(PATH).regex(/^[^\0]{1,4096}$/, PATH),
  fromText: asText,
};

const HOST = 'must be an IP address or a host name';
export const host: ValueType<string> = {
  schema: z
    .string(HOST)
    .refine((text) => isIP(text) !== 0 || /^(?=.{1,253}$)[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i.test(text), HOST),
  fromText: asText,
};

export const addressEntries: ValueType<readonly string[]> = {
  schema: z.array(addressEntry, 'must be a list of addresses, CIDR ranges or host names'),
  fromText: asList,
};

const RANGES = 'must be a list of addresses or CIDR ranges such as 10.0.0.0/8';
export const addressRanges: ValueType<readonly string[]> = {
  schema: z.array(z.string(RANGES).refine(isAddressRange, RANGES), RANGES).max(100),
  fromText: asList,
};

const ORIGIN = 'must be an http or https origin, such as https://tessera.example.com';
export const origin: ValueType<string> = {
  schema: z
    .string(ORIGIN)
    .refine((text) => originOf(text) !== undefined, ORIGIN)
    .transform((text) => originOf(text) ?? text),
  fromText: asText,
};

const DATABASE = 'must be sqlite:<file> or postgres://<user>:<password>@<host>/<database>';
export const databaseUrl: ValueType<string> = {
  schema: z
    .string(DATABASE)
    .refine(isDatabaseUrl, DATABASE)
    .superRefine((text, context) => {
      const message = databaseTlsFault(text);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .transform(withProof),
  fromText: asText,
};

const REDIS = 'must be redis://<user>:<password>@<host>:<port>/<database>, or rediss:// over TLS';
export const redisUrl: ValueType<string> = {
  schema: z.string(REDIS).refine(isRedisUrl, REDIS),
  fromText: asText,
};

const TOKEN = 'must be a well-formed token text; `tessera generate` makes one';
export const tokenText: ValueType<string> = {
  schema: z.string(TOKEN).refine((text) => parse(text) !== undefined, TOKEN),
  fromText: asText,
};

const KEY = 'must be exactly 32 bytes, as 64 hex digits or as base64; `openssl rand -hex 32` makes one';
/** The bytes are held in a KeyObject, which no logger, serialiser or inspector prints. */
export const key32: ValueType<KeyObject> = {
  schema: z
    .string(KEY)
    .refine((text) => keyBytes(text) !== undefined, KEY)
    .transform((text) => createSecretKey(keyBytes(text) ?? Buffer.alloc(0))),
  fromText: asText,
};

export const keys32: ValueType<readonly KeyObject[]> = {
  schema: z.array(key32.schema, 'must be a list of keys').max(4),
  fromText: asList,
};

const TRANSIT_KEY = 'must be https://<host>/v1/<mount>/keys/<name>, the key of a transit engine';
export const transitKeyUrl: ValueType<string> = {
  schema: z.string(TRANSIT_KEY).refine((text) => keyUrl(text) !== undefined, TRANSIT_KEY),
  fromText: asText,
};

const OPAQUE = 'must be 1 to 4096 visible ASCII characters';
export const opaqueText: ValueType<string> = {
  schema: z.string(OPAQUE).regex(/^[\x21-\x7e]{1,4096}$/, OPAQUE),
  fromText: asText,
};

function keyBytes(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  const bytes = Buffer.from(text, 'base64');
  // Only the one canonical spelling: decoding forgives stray characters, and a mistyped key must not become another key.
  return bytes.length === 32 && bytes.toString('base64') === text ? bytes : undefined;
}

/** The path is the number of a database: what follows it would be ignored. */
function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^rediss?:$/.test(url.protocol)) return false;
  return url.hostname !== '' && /^(?:\/\d{0,5})?$/.test(url.pathname) && url.search === '' && url.hash === '';
}

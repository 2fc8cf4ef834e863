/** Where the keys of an issuer come from: a set that is given, or one that is fetched and followed. */
import type { MaybePromise } from '../maybe-promise.ts';
import { type KeySet, keySet } from './key-set.ts';
import { strictJsonObject } from './strict-json.ts';
import type { VerifyingKey } from './verifying-key.ts';

export interface KeySource {
  /** The key of this name, or undefined where the issuer has none. Throwing means "cannot tell". */
  find(kid: string, now: number): MaybePromise<VerifyingKey | undefined>;
}

export interface RemoteKeys {
  /** `https:`, or `http:` to a loopback address. */
  readonly jwksUrl: string;
  readonly fetch?: typeof fetch;
  /** How long a set is used before it is fetched again, so that a key that the issuer withdrew stops verifying. */
  readonly maxAgeSeconds?: number;
}

/** An unknown `kid` costs a stranger nothing, so it fetches at most this often. */
const UNKNOWN_KID_PAUSE_MS = 30_000;
/** Without a set nothing can be judged, so a failed fetch is tried again sooner. */
const FAILURE_PAUSE_MS = 1000;
const TIMEOUT_MS = 5000;
const MAX_RESPONSE_BYTES = 65_536;

/** Keys that do not change. Throws `UnusableKeyError` where the set is refused. */
export function givenKeys(jwks: { readonly keys: readonly object[] }): KeySource {
  const set = keySet(jwks);
  return { find: (kid) => set.get(kid) };
}

/**
 * Keys of a URL. One fetch at a time, however many wait for it. A set past its age is not used, also where no newer one
 * can be had: a key may have been withdrawn in the meantime.
 */
export function remoteKeys(options: RemoteKeys): KeySource {
  const url = trustworthy(options.jwksUrl);
  const fetchKeys = options.fetch ?? fetch;
  const maxAgeMs = (options.maxAgeSeconds ?? 600) * 1000;
  let set: KeySet | undefined;
  let fetchedAt = 0;
  let attemptedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let underWay: Promise<void> | undefined;

  async function refresh(now: number): Promise<void> {
    attemptedAt = now;
    try {
      set = keySet(await download(url, fetchKeys));
      fetchedAt = now;
      failure = undefined;
    } catch (cause) {
      failure = new Error('the key set of the issuer cannot be had', { cause });
    } finally {
      underWay = undefined;
    }
  }

  async function ask(kid: string, now: number, pause: number): Promise<VerifyingKey | undefined> {
    if (underWay === undefined && !within(now - attemptedAt, pause)) underWay = refresh(now);
    await underWay;
    if (failure !== undefined) throw failure;
    return set?.get(kid);
  }

  return {
    find(kid, now) {
      const current = within(now - fetchedAt, maxAgeMs) ? set : undefined;
      return current?.get(kid) ?? ask(kid, now, current === undefined ? FAILURE_PAUSE_MS : UNKNOWN_KID_PAUSE_MS);
    },
  };
}

/** A clock that was set back makes an age negative: then nothing is known of it. */
function within(age: number, limit: number): boolean {
  return age >= 0 && age < limit;
}

function trustworthy(text: string): string {
  const { protocol, hostname, href } = new URL(text);
  const isLoopback = hostname === '127.0.0.1' || hostname === '[::1]' || hostname === 'localhost';
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback)) return href;
  throw new TypeError('a key set is fetched over https only');
}

async function download(url: string, fetchKeys: typeof fetch): Promise<unknown> {
  const response = await fetchKeys(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    // A redirect would let another host answer for the issuer.
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 200) throw new Error(`the answer has status ${response.status}`);
  const jwks = strictJsonObject(await bounded(response));
  if (jwks === undefined) throw new Error('the answer is not one JSON object');
  return jwks;
}

async function bounded(response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > MAX_RESPONSE_BYTES) throw new Error(`the answer is longer than ${MAX_RESPONSE_BYTES} bytes`);
    parts.push(part);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

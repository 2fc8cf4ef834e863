/**
 * Data keys encrypted by a service that never gives its key away: the transit engine of HashiCorp Vault and OpenBao, or whatever
 * speaks its API (`POST <mount>/encrypt/<key>`, `<mount>/decrypt/<key>`). It is asked at a start and when keys are replaced, never for a request.
 */
import { Buffer } from 'node:buffer';
import type { KeyEncryption } from './core/custody/key-encryption.ts';
import { keyUrl } from './core/custody/key-url.ts';

export interface TransitOptions {
  /** `https://host:8200/v1/<mount>/keys/<key>` */
  readonly url: string;
  readonly token: string;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 64 * 1024;

/** @throws TypeError where the URL names no key, or would send the token in clear */
export function transitEncryption({ url, token }: TransitOptions): KeyEncryption {
  const named = keyUrl(url);
  if (named === undefined) throw new TypeError('not the URL of a transit key');
  const { base, key } = named;
  const ask = async (operation: 'encrypt' | 'decrypt', body: Readonly<Record<string, string>>, member: string) => {
    const response = await fetch(`${base}/${operation}/${key}`, {
      method: 'POST',
      headers: { 'X-Vault-Token': token, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
      // The token must not follow.
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw new Error('the key service cannot be reached', { cause });
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`the key service refused to ${operation} with status ${response.status}`);
    }
    const text = await response.text();
    const value = text.length > MAX_ANSWER ? undefined : memberOf(text, member);
    if (value === undefined) throw new Error(`the key service answered without a ${member}`);
    return value;
  };
  const encoded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return {
    name: `transit:${new URL(base).pathname.slice('/v1/'.length)}/${key}`,
    async wrap(plain, context) {
      const body = { plaintext: encoded(plain), associated_data: encoded(context) };
      return new TextEncoder().encode(await ask('encrypt', body, 'ciphertext'));
    },
    async unwrap(wrapped, context) {
      const body = { ciphertext: Buffer.from(wrapped).toString('latin1'), associated_data: encoded(context) };
      return new Uint8Array(Buffer.from(await ask('decrypt', body, 'plaintext'), 'base64'));
    },
  };
}

function memberOf(text: string, member: string): string | undefined {
  try {
    const value = (JSON.parse(text) as { readonly data?: Readonly<Record<string, unknown>> }).data?.[member];
    return typeof value === 'string' && value !== '' ? value : undefined;
  } catch {
    return undefined;
  }
}

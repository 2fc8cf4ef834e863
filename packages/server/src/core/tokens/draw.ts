/** A new secret: its text for the caller, its digest for the store. */
import { fingerprint, generate, parse } from '@tessera/token';
import { digestBytes, digestKey } from '@tessera/verify';
import type { Api, Secret, Token } from '../model.ts';
import { DigestTaken } from '../store-port.ts';

export interface Drawn {
  /** Goes into one answer and nowhere else. */
  readonly text: string;
  readonly secret: Secret;
}

/** Draws before giving up: with 256 random bits, a second clash means a broken random source. */
const MAX_DRAWS = 3;

/** Draws secrets of a token until `insert` takes one. Throws what `insert` throws, `DigestTaken` only after three draws. */
export async function draw(
  of: { readonly token: Pick<Token, 'id' | 'environment'>; readonly api: Pick<Api, 'prefix'>; readonly now: number },
  insert: (secret: Secret) => Promise<void>,
): Promise<Drawn> {
  for (let draws = 1; ; draws += 1) {
    const text = generate({ prefix: of.api.prefix, environment: of.token.environment });
    const secret = secretOf(text, of.token.id, of.now);
    try {
      await insert(secret);
      return { text, secret };
    } catch (error) {
      if (!(error instanceof DigestTaken) || draws === MAX_DRAWS) throw error;
    }
  }
}

/** What is kept of a text: its digest, and what names it without revealing it. */
export function secretOf(text: string, token: string, now: number): Secret {
  const digest = digestBytes(digestKey(text));
  const start = text.slice(0, text.lastIndexOf('_') + 1);
  return {
    digest,
    algorithm: 'sha256',
    token,
    fingerprint: fingerprint(digest),
    hint: `${start}…${parse(text)?.hint ?? ''}`,
    state: 'active',
    createdAt: now,
    validUntil: null,
    graceSeconds: null,
    lastUsedAt: null,
  };
}

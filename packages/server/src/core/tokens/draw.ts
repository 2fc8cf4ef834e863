/** A new secret: its text for the caller, its digest for the store. */
import { fingerprint, generate, parse } from '@tessera/token';
import { digestBytes, digestKey, type MaybePromise } from '@tessera/verify';
import type { Secret, Token } from '../model.ts';
import type { Signing, ToSign } from '../signed/signing.ts';
import { DigestTaken, type Tx } from '../store-port.ts';

export interface Drawn {
  /** Goes into one answer and nowhere else. */
  readonly text: string;
  readonly secret: Secret;
}

export interface Drawing {
  readonly token: Pick<Token, 'id' | 'format'>;
  readonly now: number;
  /** Another text each time. */
  readonly text: () => MaybePromise<NewText>;
}

export interface NewText {
  readonly text: string;
  /** Id of the key that signed it; absent: it is drawn. */
  readonly signedWith?: string;
}

/** Draws before giving up: with 256 random bits, a second clash means a broken random source. */
const MAX_DRAWS = 3;

/** Draws or signs a secret of a token and has `insert` take it. Throws what `insert` throws, `DigestTaken` only after three draws. */
export async function draw(
  { token, now, text: newText }: Drawing,
  insert: (secret: Secret) => Promise<void>,
): Promise<Drawn> {
  for (let draws = 1; ; draws += 1) {
    const { text, signedWith } = await newText();
    const secret = { ...secretOf(text, token.id, now), ...(signedWith !== undefined && { signedWith }) };
    try {
      await insert(secret);
      return { text, secret };
    } catch (error) {
      // The id in a signed text is new: who has its digest has the text.
      if (!(error instanceof DigestTaken) || draws === MAX_DRAWS || token.format === 'jwt') throw error;
    }
  }
}

/** What is kept of a text: its digest, and what names it without revealing it. */
export function secretOf(text: string, token: string, now: number): Secret {
  const digest = digestBytes(digestKey(text));
  return {
    digest,
    algorithm: 'sha256',
    token,
    fingerprint: fingerprint(digest),
    hint: hintOf(text),
    state: 'active',
    createdAt: now,
    validUntil: null,
    graceSeconds: null,
    lastUsedAt: null,
  };
}

/** The text of a token: drawn, or signed. */
export function textOf(tx: Tx, of: ToSign, signing: Signing): MaybePromise<NewText> {
  const { token, api } = of;
  return token.format === 'jwt'
    ? signing.sign(tx, of)
    : { text: generate({ prefix: api.prefix, environment: token.environment }) };
}

/** Start and last four characters. Of a signed text the start says nothing, and its end is that of the signature. */
function hintOf(text: string): string {
  const parsed = parse(text);
  return parsed === undefined ? `eyJ…${text.slice(-4)}` : `${text.slice(0, text.lastIndexOf('_') + 1)}…${parsed.hint}`;
}

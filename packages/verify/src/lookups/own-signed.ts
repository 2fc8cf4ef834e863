/** Signed tokens of Tessera's own: whose text verifies with a key of a ring, and which are known by their digest like any other token. */
import { Buffer } from 'node:buffer';
import type { KeyObject } from 'node:crypto';
import type { DenialCode } from '../denials.ts';
import { hasHighS, isSignatureOf, type SigningAlgorithm } from '../jose/signatures.ts';
import { bytesOf, type StrictCompact, strictCompact } from '../jose/strict-compact.ts';
import { chain, type MaybePromise } from '../maybe-promise.ts';
import type { SignedAsked, SignedLookup, TokenFacts, TokenLookup } from '../ports.ts';
import { MAX_SIGNED_LENGTH } from '../validation.ts';

/** A key of a ring that verifies what was signed with it. */
export interface OwnKey {
  readonly alg: SigningAlgorithm;
  readonly key: KeyObject;
  /** Whose ring it is of: its tokens are of no other workspace, whatever they say. */
  readonly workspace: string;
}

export interface OwnKeys {
  /** The key of this name that is active or retired; undefined: there is none. Throwing means "cannot tell". */
  find(kid: string): MaybePromise<OwnKey | undefined>;
}

export interface OwnSignedOptions {
  readonly keys: OwnKeys;
  readonly tokens: Pick<TokenLookup, 'find'>;
  /** Who knows texts that no key of ours signed; absent: nobody does. */
  readonly otherwise?: SignedLookup | undefined;
}

/** Media type of an access token (RFC 9068 section 2.1), so that nothing else that a ring signs passes for one. */
const ACCESS_TOKEN = 'at+jwt';
/** Segments of a compact JWE (RFC 7516 section 7.1). */
const ENCRYPTED = 5;

export function ownSigned({ keys, tokens, otherwise }: OwnSignedOptions): SignedLookup {
  const others = (text: string, asked: SignedAsked, code: DenialCode): MaybePromise<TokenFacts | DenialCode> =>
    otherwise === undefined ? code : otherwise.find(text, asked);

  const found = (digest: SignedAsked['digest'], workspace: string | undefined, code: DenialCode) =>
    chain(tokens.find(digest), (facts): TokenFacts | DenialCode => {
      if (facts === undefined) return code;
      return workspace === undefined || facts.workspace.id === workspace ? facts : 'unknown';
    });

  return Object.freeze({
    find(text: string, asked: SignedAsked) {
      // What is encrypted is not opened in order to judge it: it is one that was given out, or it is not.
      if (text.split('.', ENCRYPTED + 1).length === ENCRYPTED) return found(asked.digest, undefined, 'malformed');
      const read = strictCompact(text, MAX_SIGNED_LENGTH);
      if (read === undefined) return 'malformed';
      const { kid, jwk } = read.header;
      if (kid === undefined || jwk !== undefined) return others(text, asked, 'malformed');
      return chain(keys.find(kid), (key) => {
        if (key === undefined) return others(text, asked, 'signature_invalid');
        return refusal(text, read, key) ?? found(asked.digest, key.workspace, 'unknown');
      });
    },
  });
}

/** Why a text is none that this key signed; undefined: it is. Of ES256 only the signature with the low S is ours (see `signCompact`). */
function refusal(text: string, { header }: StrictCompact, { alg, key }: OwnKey): DenialCode | undefined {
  if (header.typ !== ACCESS_TOKEN || header.alg !== alg) return 'malformed';
  const end = text.lastIndexOf('.');
  const bytes = bytesOf(text.slice(end + 1));
  if (bytes === undefined) return 'malformed';
  const signature = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isSignatureOf(signature, Buffer.from(text.slice(0, end), 'latin1'), { alg, key })) return 'signature_invalid';
  return alg === 'ES256' && hasHighS(signature) ? 'signature_invalid' : undefined;
}

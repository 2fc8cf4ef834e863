/** Signed tokens of Tessera's own: by what a key of a ring signed, where that tells all and nothing changed since, and else by their digest. */
import type { KeyObject } from 'node:crypto';
import type { DenialCode } from '../denials.ts';
import type { SigningAlgorithm } from '../jose/signatures.ts';
import { type StrictCompact, strictCompact } from '../jose/strict-compact.ts';
import { isSignedBy } from '../jose/verifying-key.ts';
import { chain, type MaybePromise } from '../maybe-promise.ts';
import type { SignedAsked, SignedLookup, TokenFacts, TokenLookup } from '../ports.ts';
import { MAX_SIGNED_LENGTH } from '../validation.ts';
import { type Claimed, claimedFacts } from './signed/claimed-facts.ts';

/** A key of a ring that verifies what was signed with it. */
export interface OwnKey {
  readonly alg: SigningAlgorithm;
  /** Undefined: a shared secret that is not known here, so that whoever has the token's row is asked. */
  readonly key: KeyObject | undefined;
  /** Whose ring it is of: its tokens are of no other workspace, whatever they say. */
  readonly workspace: string;
}

export interface OwnKeys {
  /** The key of this name that is active or retired; undefined: there is none. Throwing means "cannot tell". */
  find(kid: string): MaybePromise<OwnKey | undefined>;
}

export interface OwnSignedOptions {
  readonly keys: OwnKeys;
  readonly tokens: Pick<TokenLookup, 'find' | 'keep'>;
  /** Whether what a text says may be believed now: nothing was missed, and no notice concerns it. Absent: nothing is. */
  readonly believes?: ((claimed: Claimed) => boolean) | undefined;
  /**
   * Whether a key that is not known may yet be one of ours, made a moment ago: then whoever has the token's row is asked. Absent: what is
   * not known is not ours.
   */
  readonly mayBeOurs?: ((kid: string) => boolean) | undefined;
  /** Who knows texts that no key of ours signed; absent: nobody does. */
  readonly otherwise?: SignedLookup | undefined;
}

/** Media type of an access token (RFC 9068 section 2.1), so that nothing else that a ring signs passes for one. */
const ACCESS_TOKEN = 'at+jwt';
/** Segments of a compact JWE (RFC 7516 section 7.1). */
const ENCRYPTED = 5;

export function ownSigned(options: OwnSignedOptions): SignedLookup {
  const { keys, tokens, believes = () => false, mayBeOurs = () => false, otherwise } = options;
  const others = (text: string, asked: SignedAsked, code: DenialCode): MaybePromise<TokenFacts | DenialCode> =>
    otherwise === undefined ? code : otherwise.find(text, asked);

  const found = (digest: SignedAsked['digest'], workspace: string | undefined, code: DenialCode) =>
    chain(tokens.find(digest), (facts): TokenFacts | DenialCode => {
      if (facts === undefined) return code;
      return workspace === undefined || facts.workspace.id === workspace ? facts : 'unknown';
    });

  /** Whether it is believed and that it is kept are one step: no change comes between, which would then not be heard of. */
  const verified = (read: StrictCompact, { digest }: SignedAsked, { workspace }: OwnKey) => {
    const claimed = claimedFacts(read.claims, { digest, kid: read.header.kid ?? '', workspace });
    if (claimed === undefined || !believes(claimed)) return found(digest, workspace, 'unknown');
    tokens.keep?.(digest, claimed.facts);
    return claimed.facts;
  };

  return Object.freeze({
    find(text: string, asked: SignedAsked) {
      // What is encrypted is not opened in order to judge it: it is one that was given out, or it is not.
      if (text.split('.', ENCRYPTED + 1).length === ENCRYPTED) return found(asked.digest, undefined, 'malformed');
      const read = strictCompact(text, MAX_SIGNED_LENGTH);
      if (read === undefined) return 'malformed';
      const { kid, jwk } = read.header;
      if (kid === undefined || jwk !== undefined) return others(text, asked, 'malformed');
      return chain(keys.find(kid), (own): MaybePromise<TokenFacts | DenialCode> => {
        if (own === undefined && mayBeOurs(kid)) return found(asked.digest, undefined, 'signature_invalid');
        if (own === undefined) return others(text, asked, 'signature_invalid');
        const { alg, key, workspace } = own;
        if (read.header.typ !== ACCESS_TOKEN || read.header.alg !== alg) return 'malformed';
        if (key === undefined) return found(asked.digest, workspace, 'unknown');
        // Of ES256 only the signature with the low S is ours (see `signCompact`).
        if (!isSignedBy(read, { alg, key, lowS: true })) return 'signature_invalid';
        return verified(read, asked, own);
      });
    },
  });
}

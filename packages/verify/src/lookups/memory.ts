/** Tokens in memory: for tests of a service that verifies, for examples, and as the smallest lookup there is. */
import { type DigestKey, digestKey } from '../digest.ts';
import type { TokenFacts, TokenLookup } from '../ports.ts';

export interface MemoryLookup extends TokenLookup {
  /** Makes the token that this text is known. */
  add(text: string, facts: TokenFacts): void;
}

export function memoryLookup(): MemoryLookup {
  const byDigest = new Map<DigestKey, TokenFacts>();
  return {
    known: (digest) => byDigest.get(digest),
    find: (digest) => byDigest.get(digest),
    imported: () => [],
    add(text, facts) {
      byDigest.set(digestKey(text), facts);
    },
  };
}

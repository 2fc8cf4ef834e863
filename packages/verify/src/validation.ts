/** Step 2: the credential is known, alive, meant for this place and, where it is bound, proved. */
import { parse } from '@tessera/token';
import type { DenialCode } from './denials.ts';
import { type DigestKey, digestKey } from './digest.ts';
import { chain, type MaybePromise } from './maybe-promise.ts';
import type { Ports, TokenFacts } from './ports.ts';
import type { Credential } from './presence.ts';
import type { Asked, Requirement } from './requirement.ts';
import { type Deny, deny } from './verdict.ts';

declare const brand: unique symbol;

/** A credential that was found valid here. Only this step makes one. */
export interface Validated {
  readonly valid: true;
  readonly facts: TokenFacts;
  readonly [brand]: 'Validated';
}

/** No text longer than this is hashed, whatever it looks like. Bytes, and all token texts are ASCII. */
export const MAX_CREDENTIAL_LENGTH = 512;
/** Signed tokens carry claims; they are parsed only below this length. */
export const MAX_SIGNED_LENGTH = 8192;

export function validation(credential: Credential, asked: Asked, ports: Ports): MaybePromise<Validated | Deny> {
  const found = recognise(credential, asked.requirement, ports);
  return found instanceof Promise
    ? found.then((later) => judged(later, credential, { asked, ports }))
    : judged(found, credential, { asked, ports });
}

function judged(
  found: TokenFacts | DenialCode,
  credential: Credential,
  { asked, ports }: { readonly asked: Asked; readonly ports: Ports },
): MaybePromise<Validated | Deny> {
  if (typeof found === 'string') return deny(found);
  const code = condition(found, asked.requirement, ports.clock.now());
  if (code !== undefined) return deny(code, code === 'unknown' ? {} : { principal: found });
  const proof = possession(credential, found, asked, ports);
  return proof instanceof Promise ? proof.then((later) => proved(later, found)) : proved(proof, found);
}

function proved(proof: DenialCode | undefined, facts: TokenFacts): Validated | Deny {
  return proof === undefined ? validated(facts) : deny(proof, { principal: facts });
}

/** Who is this? By shape, never by trial: our format to the store, a signed one to its keys, imported ones by their prefix. */
export function recognise(
  credential: Credential,
  requirement: Requirement,
  ports: Ports,
): MaybePromise<TokenFacts | DenialCode> {
  const { text } = credential;
  if (credential.digest !== undefined) return ofDigest(credential.digest, ports);
  const signed = isSigned(text);
  if (!signed && text.length > MAX_CREDENTIAL_LENGTH) return 'malformed';
  const digest = digestKey(text);
  const known = ports.tokens.known(digest);
  if (known !== undefined) return known;
  if (signed) return ports.signed?.find(text, { digest, requirement, now: ports.clock.now() }) ?? 'malformed';
  if (parse(text) !== undefined) return chain(ports.tokens.find(digest), (facts) => facts ?? 'unknown');
  const digests = ports.tokens.imported(text);
  if (digests.length > 0) return firstOf(digests, ports);
  return ports.opaque?.find(text, { digest, requirement, now: ports.clock.now() }) ?? 'malformed';
}

/**
 * What is wrong with a known token here and now, in the order of the table. A token of another workspace is `unknown`:
 * nothing may tell that it exists. Times are compared so that one that is no number refuses.
 */
export function condition(facts: TokenFacts, asked: Requirement, now: number): DenialCode | undefined {
  if (asked.workspace !== undefined && asked.workspace !== facts.workspace.id) return 'unknown';
  if (facts.revokedAt !== undefined) return 'revoked';
  if (!facts.workspace.enabled) return 'suspended';
  if (!facts.enabled) return 'disabled';
  if (facts.owner !== undefined && !facts.owner.enabled) return 'owner_disabled';
  const skew = facts.clockSkewMs ?? 0;
  if (facts.secret.until !== undefined && !(now < facts.secret.until)) return 'rotated';
  if (facts.expiresAt !== undefined && !(now < facts.expiresAt + skew)) return 'expired';
  if (facts.notBefore !== undefined && !(now + skew >= facts.notBefore)) return 'not_yet_valid';
  if (asked.audience !== undefined && asked.audience !== facts.api.audience && asked.audience !== facts.api.id)
    return 'wrong_audience';
  if (asked.environment !== undefined && asked.environment !== facts.environment) return 'wrong_environment';
  return undefined;
}

/**
 * A route may ask for a client certificate, whatever the token. A bound token needs its proof, and is refused as a bearer token even with one: no downgrade (RFC 9449 section 7.2).
 * In a body there is no scheme to tell; there the proof alone decides.
 */
export function possession(
  credential: Credential,
  facts: TokenFacts,
  asked: Asked,
  ports: Ports,
): MaybePromise<DenialCode | undefined> {
  const { proof, method, url, certificate } = asked.circumstances;
  // Compared so that an end that is no number has passed.
  if (asked.requirement.clientCertificate && !(ports.clock.now() < (certificate?.expiresAt ?? 0)))
    return 'proof_required';
  if (facts.boundKey === undefined)
    return asked.requirement.proof || credential.scheme === 'dpop' ? 'proof_required' : undefined;
  const isInBody = credential.field === undefined && credential.parameter === undefined;
  if (credential.scheme === 'bearer' && !isInBody) return 'proof_required';
  if (proof === undefined || method === undefined || url === undefined) return 'proof_required';
  if (ports.proofs === undefined)
    throw new Error('a proof of possession cannot be judged here: no `proofs` were given');
  const presented = { proof, digest: credential.digest ?? digestKey(credential.text), method, url };
  return chain(ports.proofs.check(presented, facts.boundKey, ports.clock.now()), (outcome) => {
    if (outcome === 'ok') return undefined;
    return outcome === 'replayed' ? 'replayed' : 'proof_invalid';
  });
}

export function validated(facts: TokenFacts): Validated {
  return { valid: true, facts } as Validated;
}

/** A compact JWS starts with the base64url of `{"`; our own tokens and most imported ones hold no dot at all. */
function isSigned(text: string): boolean {
  return text.startsWith('eyJ') && text.includes('.') && text.length <= MAX_SIGNED_LENGTH;
}

function ofDigest(digest: DigestKey, ports: Ports): MaybePromise<TokenFacts | DenialCode> {
  return ports.tokens.known(digest) ?? chain(ports.tokens.find(digest), (facts) => facts ?? 'unknown');
}

function firstOf(digests: readonly DigestKey[], ports: Ports): MaybePromise<TokenFacts | DenialCode> {
  const [digest, ...rest] = digests;
  if (digest === undefined) return 'unknown';
  return chain(ports.tokens.find(digest), (facts) => facts ?? firstOf(rest, ports));
}

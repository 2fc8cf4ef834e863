/**
 * Signed assertions: who calls, on which route, with which request. An upstream that checks them need not trust the network
 * between, and cannot be told by a neighbour that somebody called.
 */
import { Buffer } from 'node:buffer';
import { createHash, createPublicKey, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { Clock, Principal } from '@tessera/verify';

export interface Assertions {
  /** A JWT for one request, good for a minute. */
  sign(asserted: Asserted): string;
}

export interface Asserted {
  readonly principal: Principal;
  readonly audience: string | readonly string[];
  readonly route: string;
  readonly requestId: string;
  readonly method: string;
  /** Path and query, as the upstream receives them. */
  readonly target: string;
}

export interface AssertionsOptions {
  /** The key that signs now: Ed25519, private. Throws where there is none. */
  readonly signer: () => AssertionSigner;
  readonly issuer: string;
  readonly clock: Clock;
}

export interface AssertionSigner {
  readonly kid: string;
  readonly key: KeyObject;
}

const LIFETIME_SECONDS = 60;
/** So that no other text that the key may ever sign passes for one (RFC 8725 section 3.11). */
const TYPE = 'tessera-assertion+jwt';

export function createAssertions({ signer, issuer, clock }: AssertionsOptions): Assertions {
  let header = { kid: '', text: '' };
  return Object.freeze({
    sign(asserted: Asserted) {
      const { kid, key } = signer();
      if (header.kid !== kid) header = { kid, text: encoded({ alg: 'EdDSA', typ: TYPE, kid }) };
      const text = `${header.text}.${encoded(claimsOf(asserted, issuer, Math.floor(clock.now() / 1000)))}`;
      return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
    },
  });
}

/** A key from a file, named by its thumbprint, and its public half as a JWK (RFC 8037). Throws a RangeError on a key of another kind. */
export function fileSigner(key: KeyObject): AssertionSigner & { readonly publicKey: Readonly<Record<string, string>> } {
  if (key.type !== 'private' || key.asymmetricKeyType !== 'ed25519')
    throw new RangeError('assertions are signed with a private Ed25519 key');
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const kid = thumbprint(x);
  return Object.freeze({
    kid,
    key,
    publicKey: Object.freeze({ kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' }),
  });
}

/**
 * The request is named by its method and the hash of its target, which has one length, so that an assertion that leaked
 * opens nothing else. `jti` is ours: the request id may have been chosen by the client.
 */
function claimsOf({ principal, audience, route, requestId, method, target }: Asserted, iss: string, iat: number) {
  const { id, kind, owner, workspace, api, environment, scopes } = principal;
  return {
    iss,
    aud: audience,
    sub: id,
    iat,
    exp: iat + LIFETIME_SECONDS,
    jti: randomUUID(),
    kind,
    owner: owner?.id,
    owner_type: owner?.type,
    workspace: workspace.id,
    api: api.audience,
    env: environment,
    scope: scopes.join(' '),
    route,
    request_id: requestId,
    htm: method,
    target_hash: createHash('sha256').update(target, 'latin1').digest('base64url'),
  };
}

/** RFC 7638 section 3.2: the required members in lexical order, without spaces. */
function thumbprint(x: string): string {
  return createHash('sha256').update(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).digest('base64url');
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

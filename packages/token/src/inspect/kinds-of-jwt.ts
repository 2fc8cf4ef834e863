/** What a signed text is by its `typ` (RFC 8725 section 3.11): one kind must never pass for another. */

export interface KindOfJwt {
  readonly name: string;
  /**
   * - `access`: what a caller presents
   * - `proof`: made anew for each request, with its key in the header and no end of its own
   * - `other`: not presented at an API
   */
  readonly purpose: 'access' | 'proof' | 'other';
}

const kinds: ReadonlyMap<string, KindOfJwt> = new Map([
  ['at+jwt', { name: 'a signed access token (RFC 9068)', purpose: 'access' }],
  ['dpop+jwt', { name: 'a proof of possession (DPoP, RFC 9449)', purpose: 'proof' }],
  ['logout+jwt', { name: 'a logout token (OpenID Connect)', purpose: 'other' }],
  ['secevent+jwt', { name: 'a security event (RFC 8417)', purpose: 'other' }],
  ['token-introspection+jwt', { name: 'a signed answer of introspection (RFC 9701)', purpose: 'other' }],
  ['oauth-authz-req+jwt', { name: 'an authorization request (RFC 9101)', purpose: 'other' }],
  ['client-authentication+jwt', { name: 'an assertion of a client', purpose: 'other' }],
  ['kb+jwt', { name: 'the key binding of an SD-JWT (RFC 9901)', purpose: 'other' }],
  ['dc+sd-jwt', { name: 'a digital credential', purpose: 'other' }],
]);

const JWT: KindOfJwt = { name: 'a signed JWT', purpose: 'other' };
const ID_TOKEN: KindOfJwt = { name: 'a signed JWT, by its claims an ID token (OpenID Connect)', purpose: 'other' };

/** Claims that only an ID token has (OpenID Connect Core section 3.1.3.6). */
const OF_ID_TOKENS = ['nonce', 'at_hash', 'c_hash'];

export function kindOfJwt(typ: unknown, claims: object): KindOfJwt {
  // Media types are compared without regard to letter case, and "application/" may be left out (RFC 7515 section 4.1.9).
  const name = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : '';
  return kinds.get(name) ?? (OF_ID_TOKENS.some((claim) => Object.hasOwn(claims, claim)) ? ID_TOKEN : JWT);
}

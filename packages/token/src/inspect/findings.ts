/** All that can be said against a text, in one table: the codes are a contract with scripts, and documented from here. */

/**
 * - `wrong`: it is no token, or whoever verifies it must refuse it
 * - `weak`: it may pass, and should not have been made like this
 * - `note`: nothing is wrong with it; worth knowing
 */
export type Level = 'wrong' | 'weak' | 'note';

export const findings = {
  // What the text is
  empty: ['wrong', 'there is no text'],
  not_a_token: ['wrong', 'this is no token'],
  private_key: [
    'wrong',
    'this holds a private or shared key: keep it away from terminals, and replace it if others saw it',
  ],
  other_system: ['note', 'this is a secret of another system: only that can say whether it is valid'],
  oversize: ['wrong', 'it is longer than Tessera accepts'],
  inner_whitespace: [
    'wrong',
    'spaces or line breaks stand within it, as after copying from a terminal; read without them',
  ],
  several: ['note', 'the text holds several tokens; the first is told'],
  // An opaque token
  token_alphabet: ['wrong', 'it has a character that no token of Tessera has'],
  token_shape: ['wrong', 'it is not <prefix>_<environment>_<secret>'],
  token_prefix: ['wrong', 'its prefix is not 2 to 16 lower-case letters or digits'],
  token_environment: ['wrong', 'its environment is neither live nor test'],
  token_length: ['wrong', 'it has too few or too many characters: it was cut, or something stands beside it'],
  token_checksum: ['wrong', 'its checksum is wrong: a character was changed or lost'],
  // Segments, and what they hold
  segments: ['wrong', 'it has another number of parts than a compact JWS (3) or JWE (5)'],
  json_serialisation: [
    'wrong',
    'it is in JSON form (RFC 7515 section 7.2), which is not accepted where a token is presented',
  ],
  base64_padding: ['wrong', 'a part ends in "=", which base64url without padding never does'],
  base64_whitespace: ['wrong', 'spaces stand within a part'],
  base64_standard: ['wrong', 'a part is base64 with "+" or "/", not base64url'],
  base64_character: ['wrong', 'a part has a character that base64url does not have'],
  base64_length: ['wrong', 'a part has a length that no base64url text has: it was cut'],
  base64_trailing_bits: ['wrong', 'the last character of a part has bits set that nothing reads: the text was edited'],
  not_utf8: ['wrong', 'a part is not UTF-8'],
  not_json: ['wrong', 'a part is not JSON'],
  not_an_object: ['wrong', 'a part is JSON, and no object'],
  repeated_member: ['wrong', 'a member is there twice, so that two readers may read two different tokens'],
  too_deep: ['wrong', 'it is nested more deeply than any token needs to be'],
  // The header
  alg_missing: ['wrong', 'the header names no algorithm'],
  alg_none: ['wrong', 'the algorithm is "none": nobody signed it'],
  alg_unknown: ['wrong', 'the algorithm is none of the registered ones (their letter case counts)'],
  alg_outdated: ['weak', 'the algorithm should not be used any more'],
  alg_symmetric: ['note', 'it is signed with a shared secret: whoever can verify it can also make it'],
  alg_public_kid: ['weak', 'it is signed with a shared secret, and its kid looks like the name of a public key'],
  alg_confusion: ['wrong', 'it says HMAC and names a public key: the classic forgery'],
  kid_missing: ['weak', 'the header does not name its key'],
  kid_odd: ['wrong', 'the name of the key is no plain text, or is longer than 256 characters'],
  typ_missing: ['weak', 'the header does not say what it is (typ), so that one kind of token may pass for another'],
  typ_other: ['weak', 'it is not an access token by its typ (at+jwt), and Tessera takes it for none'],
  header_jku: ['wrong', 'the header says where to fetch keys from (jku)'],
  header_x5u: ['wrong', 'the header says where to fetch a certificate from (x5u)'],
  header_jwk: ['wrong', 'the header brings its own key (jwk)'],
  header_x5c: ['wrong', 'the header brings its own certificate (x5c)'],
  header_crit: ['wrong', 'the header demands extensions (crit)'],
  header_b64: ['wrong', 'the header changes how the payload is read (b64)'],
  header_zip: ['wrong', 'the content is compressed (zip), which can be made to fill the memory of its reader'],
  header_p2c: ['wrong', 'the header demands more rounds of key derivation (p2c) than a reader should do'],
  // Claims and times
  never_expires: ['wrong', 'it has no exp: it would be valid for ever'],
  claim_missing: ['wrong', 'a claim that an access token must have (RFC 9068) is missing'],
  claim_malformed: ['wrong', 'a claim is of another type than its registration says'],
  time_not_a_number: ['wrong', 'a time is not a number, so that some readers pass over it'],
  time_not_whole: ['wrong', 'a time is not a whole number of seconds since 1970'],
  time_in_milliseconds: ['wrong', 'a time looks like milliseconds; it is read as seconds'],
  expired: ['wrong', 'it has expired'],
  not_yet_valid: ['wrong', 'it is not valid yet'],
  clock_skew: ['weak', 'it was made in the future, by less than a minute: a clock is wrong'],
  expires_before_issue: ['wrong', 'it expired before it was issued'],
  long_lived: ['weak', 'it lives longer than a day: a signed token should be short-lived'],
  // The signature
  signature_unchecked: ['note', 'the signature was NOT checked: anybody could have written this'],
  signature_missing: ['wrong', 'it has no signature'],
  signature_length: ['wrong', 'the signature does not have the length of one of this algorithm'],
  signature_not_canonical: ['wrong', 'the signature has another spelling than Tessera gives its own (a high S)'],
  signature_invalid: ['wrong', 'the signature is not by any of the keys that were given'],
  no_such_key: ['weak', 'none of the keys that were given has the kid of the header'],
  key_unusable: ['wrong', 'the key that the header names cannot verify it'],
  // Encryption
  encrypted: ['note', 'the content is encrypted, and was not read'],
  part_length: ['wrong', 'the key, the nonce or the tag does not have the length that the algorithms give it'],
  // Keys
  repeated_kid: ['wrong', 'two keys have the same kid'],
  key_without_alg: ['weak', 'a key does not say its algorithm'],
  weak_key: ['wrong', 'a key is too short'],
} as const satisfies Readonly<Record<string, readonly [level: Level, meaning: string]>>;

export type FindingCode = keyof typeof findings;

export interface Finding {
  readonly code: FindingCode;
  readonly level: Level;
  /** In words; may quote a little of header and claims, never what is secret. */
  readonly message: string;
  /** Which part, member or key it is about. */
  readonly at?: string;
}

export interface About {
  readonly at?: string | undefined;
  /** What is known besides, added to the words of the table. */
  readonly detail?: string | undefined;
}

export function finding(code: FindingCode, { at, detail }: About = {}): Finding {
  const [level, meaning] = findings[code];
  const message = detail === undefined ? meaning : `${meaning} (${detail})`;
  return { code, level, message, ...(at === undefined ? {} : { at }) };
}

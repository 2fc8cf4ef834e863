/** Every finding of the table is found: for each, a text that has it. The compiler keeps the list complete. */
import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { type FindingCode, findings, inspectText, readKeys } from '../../src/inspect/inspect-text.ts';
import { seededToken } from '../support/arbitraries.ts';
import { base64url, CLAIMS, HEADER, NOW, SIGNATURE, signedText, signing } from '../support/signed-texts.ts';

const TOKEN = seededToken(1);
const BODY = signedText().slice(0, -SIGNATURE.length);
const SECONDS = NOW / 1000;
const rsa = signing('RS256');
const jwe = (header: object, parts = `${'A'.repeat(54)}.${'A'.repeat(16)}.AAAA.${'A'.repeat(22)}`): string =>
  `${base64url({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM', kid: 'key_1', ...header })}.${parts}`;
const withClaims = (claims: object): string => signedText({ claims: { ...CLAIMS, ...claims } });
const withHeader = (header: object): string => signedText({ header: { ...HEADER, ...header } });

type Example = string | { readonly text: string; readonly keys: readonly object[] };

const examples: Readonly<Record<FindingCode, Example | readonly Example[]>> = {
  empty: ['', ' \n\t', '""'],
  not_a_token: ['hunter2', '{}', '[1]', '{"a":', 'a.b.c', `${'-----BEGIN PUBLIC'} KEY-----`, JSON.stringify(rsa.jwk)],
  private_key: [
    `${'-----BEGIN RSA PRIVATE'} KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----`,
    '{"kty":"oct","k":"AAAA","alg":"HS256"}',
    '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA","alg":"EdDSA"}]}',
    '{"kty":"AKP","alg":"ML-DSA-65","priv":"AA"}',
  ],
  other_system: [
    `ghp_${'a'.repeat(36)}`,
    `sk_live_${'a'.repeat(24)}`,
    `glpat-${'a'.repeat(20)}`,
    `xoxb-1-${'a'.repeat(9)}`,
  ],
  oversize: [withClaims({ scope: 'a'.repeat(100_000) }), `tsr_live_${'a'.repeat(600)}`],
  inner_whitespace: [signedText().replace(/.{60}/g, '$&\n'), `${TOKEN.slice(0, 30)}\n  ${TOKEN.slice(30)}`],
  several: [`${TOKEN} ${seededToken(2)}`, `a ${signedText()} b ${signedText()}`],
  token_alphabet: [`${TOKEN}=`, `${TOKEN}%`],
  token_shape: TOKEN.replace('live', 'live_live'),
  token_prefix: TOKEN.replace('tsr', 'TSR'),
  token_environment: TOKEN.replace('live', 'prod'),
  token_length: [TOKEN.slice(0, -1), `${TOKEN}0`],
  token_checksum: TOKEN.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
  segments: [signedText().split('.').slice(0, 2).join('.'), `${signedText()}.`, `${signedText()}${'.a'.repeat(1000)}`],
  json_serialisation: [
    '{"payload":"AA","signatures":[]}',
    '{"payload":"AA","protected":"AA","signature":"AA"}',
    '{"ciphertext":"AA","iv":"AA"}',
  ],
  base64_padding: `${signedText()}=`,
  base64_whitespace: signedText({ signature: 'AA+A' }).replace('.', ' .'),
  base64_standard: `${BODY}${SIGNATURE.replace('B', '+')}`,
  base64_character: `${BODY}${SIGNATURE.replace('B', '*')}`,
  base64_length: `${BODY}${SIGNATURE.slice(0, -1)}`,
  base64_trailing_bits: `${BODY}${SIGNATURE.slice(0, -1)}x`,
  not_utf8: `${base64url(HEADER)}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.${SIGNATURE}`,
  not_json: signedText({ claims: 'not json' }),
  not_an_object: [signedText({ claims: '[1]' }), signedText({ claims: '1' }), signedText({ claims: 'null' })],
  repeated_member: [
    signedText({ claims: '{"exp":1,"exp":2}' }),
    signedText({ header: '{"alg":"ES256","\\u0061lg":"none"}' }),
    signedText({ claims: '{"a":{"b":1,"b":1}}' }),
  ],
  too_deep: signedText({ claims: `{"a":${'['.repeat(4000)}${']'.repeat(4000)}}` }),
  alg_missing: [withHeader({ alg: undefined }), jwe({ alg: undefined })],
  alg_none: ['none', 'None', 'NONE', 'nOnE'].map((alg) => signedText({ header: { ...HEADER, alg }, signature: '' })),
  alg_unknown: ['hs256', 'HS1', 'RS1', 'ES256K', 7, '__proto__', ''].map((alg) => withHeader({ alg })),
  alg_outdated: jwe({ alg: 'RSA1_5' }),
  alg_symmetric: withHeader({ alg: 'HS256' }),
  alg_public_kid: [
    withHeader({ alg: 'HS256', kid: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs' }),
    withHeader({ alg: 'HS512', kid: 'https://issuer.example.test/keys/1' }),
  ],
  alg_confusion: { text: withHeader({ alg: 'HS256', kid: rsa.jwk.kid }), keys: [rsa.jwk] },
  kid_missing: withHeader({ kid: undefined }),
  kid_odd: [{}, [], 7, '', 'a'.repeat(65_536), 'a\u0000b', null].map((kid) => withHeader({ kid })),
  typ_missing: withHeader({ typ: undefined }),
  typ_other: ['JWT', 'logout+jwt', 'secevent+jwt', 7].map((typ) => withHeader({ typ })),
  header_jku: withHeader({ jku: 'https://idp.example.test@attacker.example/' }),
  header_x5u: withHeader({ x5u: 'http://127.0.0.1:9/' }),
  header_jwk: withHeader({ jwk: rsa.jwk }),
  header_x5c: withHeader({ x5c: [] }),
  header_crit: ['exp', [], ['x'], null].map((crit) => withHeader({ crit })),
  header_b64: withHeader({ b64: false }),
  header_zip: [withHeader({ zip: 'DEF' }), jwe({ zip: 'DEF' })],
  header_p2c: jwe({ alg: 'PBES2-HS256+A128KW', p2c: 2_147_483_647 }),
  never_expires: withClaims({ exp: undefined }),
  claim_missing: ['iss', 'sub', 'aud', 'client_id', 'jti', 'iat'].map((name) => withClaims({ [name]: undefined })),
  claim_malformed: [{ iss: 7 }, { sub: '' }, { aud: [] }, { scope: 'a  b' }, { scope: ['a'] }, { cnf: 'x' }].map(
    withClaims,
  ),
  time_not_a_number: [
    ...[{ exp: '9999999999' }, { exp: true }, { exp: null }, { iat: 'now' }, { nbf: {} }].map(withClaims),
    signedText({ claims: '{"exp":1e400}' }),
  ],
  time_not_whole: [{ exp: -1 }, { exp: SECONDS + 0.5 }, { exp: 1e300 }].map(withClaims),
  time_in_milliseconds: withClaims({ iat: NOW, exp: NOW + 1 }),
  expired: [withClaims({ exp: SECONDS }), withClaims({ exp: SECONDS - 1 })],
  not_yet_valid: [withClaims({ nbf: SECONDS + 61 }), withClaims({ iat: SECONDS + 61 })],
  clock_skew: [withClaims({ nbf: SECONDS + 60 }), withClaims({ iat: SECONDS + 1 })],
  expires_before_issue: withClaims({ iat: SECONDS - 60, exp: SECONDS - 60 }),
  long_lived: withClaims({ iat: SECONDS, exp: SECONDS + 86_401 }),
  signature_unchecked: signedText(),
  signature_missing: `${BODY}`,
  signature_length: [
    `${BODY}${Buffer.alloc(63).toString('base64url')}`,
    `${BODY}${Buffer.from([0x30, ...Buffer.alloc(70)]).toString('base64url')}`,
    signedText({ header: { ...HEADER, alg: 'RS256' }, signature: Buffer.alloc(128).toString('base64url') }),
  ],
  signature_not_canonical: signedText({
    claims: { ...CLAIMS, tsr: {} },
    signature: Buffer.alloc(64, 0xf0).toString('base64url'),
  }),
  signature_invalid: { text: withHeader({ alg: 'RS256', kid: rsa.jwk.kid }), keys: [rsa.jwk] },
  no_such_key: { text: withHeader({ alg: 'RS256', kid: 'another' }), keys: [rsa.jwk] },
  key_unusable: [
    { text: withHeader({ alg: 'PS256', kid: rsa.jwk.kid }), keys: [rsa.jwk] },
    { text: withHeader({ alg: 'ES256', kid: rsa.jwk.kid }), keys: [rsa.jwk] },
    { text: withHeader({ alg: 'RS256', kid: rsa.jwk.kid }), keys: [{ ...rsa.jwk, use: 'enc' }] },
    { text: withHeader({ alg: 'ES256', kid: 'k' }), keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'k' }] },
  ],
  encrypted: jwe({}),
  part_length: [
    jwe({}, `${'A'.repeat(54)}.${'A'.repeat(16)}.AAAA.AAAAAA`),
    jwe({}, `${'A'.repeat(54)}..AAAA.${'A'.repeat(22)}`),
    jwe({ alg: 'dir' }),
  ],
  repeated_kid: JSON.stringify({ keys: [rsa.jwk, rsa.jwk] }),
  key_without_alg: '{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}',
  weak_key: [
    JSON.stringify({ kty: 'RSA', alg: 'RS256', e: 'AQAB', n: Buffer.alloc(128, 0xff).toString('base64url') }),
    JSON.stringify({ kty: 'RSA', alg: 'RS256', e: 'AQAB', n: Buffer.alloc(256, 0x7f).toString('base64url') }),
    '{"kty":"oct","alg":"HS256","k":"c2VjcmV0"}',
  ],
};

describe.each(Object.entries(examples))('%s', (name, given) => {
  const code = name as FindingCode;
  const texts: readonly Example[] = Array.isArray(given) ? given : [given as Example];
  it.each(texts.map((example, at) => [at, example] as const))('is found in example %i', async (_, example) => {
    const { text, keys } = typeof example === 'string' ? { text: example, keys: undefined } : example;
    const report = await inspectText(text, {
      now: NOW,
      keys: keys === undefined ? undefined : (readKeys(JSON.stringify({ keys })) ?? []),
    });
    const [level, meaning] = findings[code];
    const found = report.findings.find((one) => one.code === code);
    expect(found, JSON.stringify(report.findings)).toMatchObject({ level });
    expect(found?.message.startsWith(meaning)).toBe(true);
    expect(report.ok).toBe(report.findings.every((one) => one.level === 'note'));
  });
});

it('nothing but a note is found in what is sound', async () => {
  for (const text of [
    TOKEN,
    signedText(),
    withClaims({ aud: ['a', 'b'], cnf: { jkt: 'x' } }),
    jwe({}),
    jwe({ alg: 'dir' }, `.${'A'.repeat(16)}.AAAA.${'A'.repeat(22)}`),
  ]) {
    const { ok, findings: found } = await inspectText(text, { now: NOW });
    expect(found.filter(({ level }) => level !== 'note')).toEqual([]);
    expect(ok).toBe(true);
  }
});

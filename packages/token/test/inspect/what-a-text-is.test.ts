/** A text is recognised for what it is, with whatever stands around it where people copy from. */
import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { inspectText } from '../../src/inspect/inspect-text.ts';
import { seededToken } from '../support/arbitraries.ts';
import { base64url, CLAIMS, HEADER, NOW, signedText } from '../support/signed-texts.ts';

const TOKEN = seededToken(1);
const report = (text: string) => inspectText(text, { now: NOW });

describe('what stands around is taken off, and told', () => {
  it.each([
    [`  ${TOKEN}\n`, ['whitespace']],
    [`\ufeff${TOKEN}`, ['whitespace']],
    [`\u200b${TOKEN}\u200b`, ['whitespace']],
    [`"${TOKEN}"`, ['quotes']],
    [`“${TOKEN}”`, ['quotes']],
    [`Bearer ${TOKEN}`, ['scheme']],
    [`authorization: bearer   ${TOKEN}`, ['header_line', 'scheme']],
    [`X-API-Key: ${TOKEN}`, ['header_line']],
    [`export KEY="${TOKEN}"`, ['assignment', 'quotes']],
    [`https://api.example.test/x?a=1&access_token=${TOKEN}#y`, ['url']],
    [`https://app.example.test/#id_token=&token=${TOKEN}`, ['url']],
    [`https://api.example.test/${TOKEN}`, ['url']],
    [TOKEN.replaceAll('_', '%5F'), ['percent_encoding']],
    [`{"id":"tok_1","token":"${TOKEN}"}`, ['json_member']],
    [`{"level":30,"msg":"x"} got ${TOKEN} from 192.0.2.1`, undefined],
    [`INFO got ${TOKEN} from 192.0.2.1`, ['other_text']],
  ])('%j', async (text, around) => {
    const found = await report(text);
    if (around === undefined) expect(found.kind).toBe('unknown');
    else
      expect(found).toMatchObject({ kind: 'opaque', around, ok: true, fingerprint: (await report(TOKEN)).fingerprint });
  });

  it('of a signed token, too', async () => {
    for (const text of [`Bearer ${signedText()}`, `https://a.example.test/#access_token=${signedText()}&state=1`])
      expect(await report(text)).toMatchObject({ kind: 'jws', ok: true });
  });

  it('in several layers, but not in endless ones', async () => {
    expect(await report(`curl: '"Bearer ${TOKEN}"'`)).toMatchObject({
      around: ['header_line', 'quotes', 'quotes', 'scheme'],
    });
    expect(await report(`${'"'.repeat(20)}${TOKEN}${'"'.repeat(20)}`)).toMatchObject({ kind: 'unknown', ok: false });
  });
});

it('an opaque token is told by everything but its secret', async () => {
  expect(await report(TOKEN)).toEqual({
    kind: 'opaque',
    description: 'a well-formed token of Tessera; only a server can say whether it was ever issued and still holds',
    details: {
      wellFormed: true,
      outcome: 'ok',
      prefix: 'tsr',
      environment: 'live',
      hint: TOKEN.slice(-4),
      characters: 58,
    },
    findings: [],
    around: [],
    fingerprint: expect.stringMatching(/^[a-z2-7]{16}$/) as string,
    ok: true,
  });
});

it('a signed token is told with claims, times in words, and what Tessera adds', async () => {
  const tsr = { api: 'api_1', env: 'live', kind: 'access_token', name: 'ci', own: 'service', up: ['tok_0'], ask: true };
  const found = await report(
    signedText({ claims: { ...CLAIMS, cnf: { jkt: 'thumb' }, act: { sub: 'own_2', act: { sub: 'own_3' } }, tsr } }),
  );
  if (found.kind !== 'jws') throw new Error(found.kind);
  const { details } = found;
  expect(details).toMatchObject({ header: HEADER, claims: CLAIMS, isOwn: true });
  expect(details.times).toEqual({
    issued: { seconds: 1_799_999_940, time: '2027-01-15T07:59:00Z', words: '1 minute ago' },
    notBefore: null,
    expires: { seconds: 1_800_000_540, time: '2027-01-15T08:09:00Z', words: 'in 9 minutes' },
    lifetimeSeconds: 600,
    ageSeconds: 60,
    leftSeconds: 540,
  });
  expect(Object.fromEntries(details.words.map(({ label, text }) => [label, text]))).toEqual({
    'issued by': 'https://issuer.example.test',
    'stands for': 'own_1',
    'meant for': 'https://orders.example.test',
    client: 'cli_1',
    'may do': 'orders:read orders:write',
    'token id': 'tok_1',
    'bound to': 'the key "thumb": each request needs a DPoP proof',
    'acted on by': '"own_2", for "own_3"',
    issued: '2027-01-15T07:59:00Z (1 minute ago)',
    expires: '2027-01-15T08:09:00Z (in 9 minutes)',
    lives: '10 minutes',
    'Tessera: api': 'api_1',
    'Tessera: environment': 'live',
    'Tessera: kind': 'access_token',
    'Tessera: name': 'ci',
    'Tessera: type of owner': 'service',
    'Tessera: made from, nearest first': 'tok_0',
    'Tessera: judged by': 'asking a server: what it may do cannot be told from its claims alone',
  });
});

it.each([
  [{ exp: 1_800_000_000 - 90_000 }, 'expires', 'it has expired (1 day 1 hour ago)'],
  [{ exp: 1_800_000_000 - 1 }, 'expires', 'it has expired (1 second ago)'],
  [
    { iat: 1_800_000_030 },
    'issued',
    'it was made in the future, by less than a minute: a clock is wrong (in 30 seconds)',
  ],
  [
    { exp: 1_800_000_000 + 86_400 * 1000 },
    'expires',
    'it lives longer than a day: a signed token should be short-lived (2 years 269 days)',
  ],
])('times are told in words: %j', async (claims, _, message) => {
  const { findings } = await report(signedText({ claims: { ...CLAIMS, ...claims } }));
  expect(findings.map((one) => one.message)).toContain(message);
});

it('times that no calendar has are told as they are', async () => {
  const found = await report(signedText({ claims: { ...CLAIMS, exp: 9e15 } }));
  expect(found.kind === 'jws' && found.details.times?.expires?.time).toBeNull();
});

it('of a proof of possession, its key and its short life are nothing to find fault with', async () => {
  const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } };
  const { findings, description } = await report(
    signedText({ header, claims: { jti: 'x', htm: 'GET', htu: 'https://a.example.test/', iat: CLAIMS.iat } }),
  );
  expect(description).toBe('a proof of possession (DPoP, RFC 9449)');
  expect(findings.map(({ code }) => code)).toEqual(['typ_other', 'signature_unchecked']);
});

it('an encrypted token is told by its header, and that nothing else was read', async () => {
  const header = { alg: 'ECDH-ES+A256KW', enc: 'A256GCM', kid: 'key_2', cty: 'JWT' };
  const text = `${base64url(header)}.${'A'.repeat(54)}.${'A'.repeat(16)}.${'A'.repeat(400)}.${'A'.repeat(22)}`;
  expect(await report(text)).toMatchObject({
    kind: 'jwe',
    description: 'an encrypted token (JWE) with a signed one in it',
    details: { header, bytes: { key: 40, nonce: 12, ciphertext: 300, tag: 16 } },
    ok: true,
  });
});

it('an SD-JWT is told with what it discloses, without salts', async () => {
  const text = `${signedText()}~${base64url(['s4lt', 'given_name', 'Ana'])}~${base64url(['s4lt', 'DE'])}~${base64url('x')}~`;
  const found = await report(text);
  expect(found).toMatchObject({
    kind: 'sd_jwt',
    details: {
      disclosures: [
        { name: 'given_name', value: 'Ana' },
        { name: null, value: 'DE' },
      ],
      hasKeyBinding: false,
    },
  });
  expect(found.findings).toContainEqual(expect.objectContaining({ code: 'not_json', at: 'disclosure 3' }));
  expect(JSON.stringify(found)).not.toContain('s4lt');
});

it('keys are told one by one, and that they are none to paste where they are private', async () => {
  const keys = [
    { kty: 'RSA', kid: 'a', alg: 'RS256', use: 'sig', e: 'AQAB', n: Buffer.alloc(256, 0xff).toString('base64url') },
    { kty: 'EC', crv: 'P-256', kid: 'b', alg: 'ES256', x: 'AA', y: 'AA', d: 'AA' },
  ];
  const found = await report(JSON.stringify({ keys }));
  expect(found).toMatchObject({
    kind: 'jwks',
    details: {
      keys: [
        { index: 0, kid: 'a', kty: 'RSA', alg: 'RS256', use: 'sig', bits: 2048, isPrivate: false },
        { index: 1, kid: 'b', kty: 'EC', crv: 'P-256', bits: null, isPrivate: true },
      ],
    },
  });
  expect(found.findings.map(({ code, at }) => [code, at])).toEqual([
    ['not_a_token', undefined],
    ['private_key', 'b'],
  ]);
});

it.each([
  ['550e8400-e29b-41d4-a716-446655440000', 'a UUID'],
  ['e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'a SHA-256 digest, or 32 bytes, in hex'],
  ['xj4bnp4pahh6uqkb', 'a fingerprint of a token of Tessera: it names the token and opens nothing'],
  ['tok_01k3zq4v8e7m', 'an id of Tessera: it names an object and opens nothing'],
  ['ana@example.test', 'an e-mail address'],
  ['correct horse', null],
])('what is no token is told by what it looks like: %s', async (text, resembles) => {
  expect(await report(text)).toMatchObject({ kind: 'unknown', details: { resembles }, fingerprint: null, ok: false });
});

it('the entropy of a text is that of its characters', async () => {
  for (const [text, bits] of [
    ['aaaaaaaa', 0],
    ['abababab', 8],
    ['abcdefgh', 24],
  ] as const)
    expect(await report(text)).toMatchObject({
      details: { entropyBits: bits, characters: 8, alphabet: ['lower-case letters'] },
    });
});

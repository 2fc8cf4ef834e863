/** Any text gives a report, without a throw, in bounded time, and with nothing in it that opens anything. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { inspectText } from '../../src/inspect/inspect-text.ts';
import { tokenTexts } from '../support/arbitraries.ts';
import { base64url, CLAIMS, HEADER, NOW, SIGNATURE, signedText } from '../support/signed-texts.ts';

const any = fc.string({ unit: 'binary', maxLength: 200 });
const nearly = fc.string({ unit: fc.constantFrom(...'ey.JA_-~{}[]":,= \n%5Flivetest'.split('')), maxLength: 200 });
const texts = fc.oneof(
  any,
  nearly,
  fc.json().map(base64url),
  fc.tuple(any, nearly).map((pair) => pair.join('.')),
);
const report = (text: string) => inspectText(text, { now: NOW });

it('reports on any text', async () => {
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      const { findings, ok, kind } = await report(text);
      expect(ok).toBe(findings.every(({ level }) => level === 'note'));
      expect(kind).not.toBe('');
    }),
    { numRuns: 500 },
  );
});

it('reports on a signed text of any header and claims', async () => {
  await fc.assert(
    fc.asyncProperty(fc.json(), fc.json(), any, async (header, claims, signature) => {
      const { kind } = await report(
        signedText({ header: `{"alg":${header}}`, claims: `{"exp":${claims}}`, signature }),
      );
      expect(kind).not.toBe('opaque');
    }),
    { numRuns: 300 },
  );
});

it('reports on a signed text with any character changed', async () => {
  const sound = signedText();
  await fc.assert(
    fc.asyncProperty(fc.nat(sound.length - 1), fc.string({ unit: 'binary', maxLength: 2 }), async (at, other) => {
      await expect(report(sound.slice(0, at) + other + sound.slice(at + 1))).resolves.toBeDefined();
    }),
    { numRuns: 500 },
  );
});

it('never repeats the secret of a token, wherever in a text it stands', async () => {
  const places: readonly ((token: string) => string)[] = [
    (token) => token,
    (token) => `Authorization: Bearer ${token}`,
    (token) => ` "${token}" `,
    (token) => `https://api.example.test/?access_token=${token.replaceAll('_', '%5F')}&x=1`,
    (token) => `level=info token=${token} done`,
    (token) => `${token}=`,
    (token) => token.slice(0, -7),
    (token) => signedText({ claims: { ...CLAIMS, sub: token, [token]: 1, list: [{ note: `see ${token}` }] } }),
    (token) => signedText({ claims: { ...CLAIMS, iss: [token], tsr: { name: token }, act: { sub: token } } }),
    (token) => signedText({ header: { ...HEADER, kid: token, typ: token, alg: token } }),
    (token) => JSON.stringify({ kty: token, kid: token, alg: token }),
    (token) => JSON.stringify({ access_token: token }),
    (token) => `${signedText()}~${base64url(['salt', token, token])}~`,
    (token) => `-----BEGIN PRIVATE KEY-----\n${token}`,
  ];
  await fc.assert(
    fc.asyncProperty(tokenTexts, fc.constantFrom(...places), async (token, place) => {
      const told = JSON.stringify(await report(place(token)));
      const [, , secret = ''] = token.split('_');
      for (let at = 0; at + 12 <= 43; at += 1) expect(told).not.toContain(secret.slice(at, at + 12));
    }),
    { numRuns: 300 },
  );
});

it('never repeats a signature, a private key, or a text that it does not know', async () => {
  const secret = Buffer.alloc(48, 'secret').toString('base64url');
  for (const text of [
    signedText(),
    signedText({ claims: { ...CLAIMS, id_token: signedText(), list: [`Bearer ${signedText()}`] } }),
    signedText({ header: { ...HEADER, jwk: { kty: 'EC', d: secret, x: 'AA' } } }),
    signedText({ claims: { ...CLAIMS, pem: `-----BEGIN PRIVATE KEY-----\n${secret}` } }),
    JSON.stringify({ kty: 'oct', k: secret, kid: 'x', alg: 'HS256' }),
    secret,
    `ghp_${secret}`,
    `password: ${secret} and more`,
    `-----BEGIN EC PRIVATE KEY-----\n${secret}\n-----END EC PRIVATE KEY-----`,
  ]) {
    const told = JSON.stringify(await report(text));
    expect(told).not.toContain(SIGNATURE.slice(0, 20));
    expect(told).not.toContain(secret.slice(0, 20));
  }
});

it('takes time in proportion to the text, whatever it is made of', async () => {
  const megabyte = 1024 * 1024;
  for (const piece of [
    'eyJ',
    'eyJ.',
    'eyJ ',
    '~',
    'eyJ~',
    '.',
    '"',
    '\\"',
    '[',
    '{"a":',
    '%5F',
    'tsr_live_',
    '=',
    ' ',
    '\u200b',
    'a=',
    '-----BEGIN ',
  ]) {
    const text = piece.repeat(Math.ceil(megabyte / piece.length));
    const start = performance.now();
    await report(text);
    await report(`eyJhbGciOiJIUzI1NiJ9.${base64url(text)}.`);
    // A quadratic reader takes minutes for these.
    expect(performance.now() - start, piece).toBeLessThan(20_000);
  }
});

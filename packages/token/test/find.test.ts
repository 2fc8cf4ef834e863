/** Finding: a token is found wherever it stands, and what is left of one does not stay in a redacted text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FOUND_MAX_LENGTH, find, findTraces, redact } from '../src/find.ts';
import { generate } from '../src/generate.ts';
import { seededToken, tokenTexts, withChecksum } from './support/arbitraries.ts';

const TOKEN = seededToken(2);
const OTHER = seededToken(3);
const anything = fc.string({ unit: 'binary' });
const textsOf = (text: string) => find(text).map((found) => found.token.text);
const hide = (text: string) => redact(text, () => '[token]');

describe('find', () => {
  it('finds a generated token in any surroundings', () => {
    fc.assert(
      fc.property(tokenTexts, anything, anything, (token, before, after) => {
        const text = before + token + after;
        const [found] = find(text);
        expect(found?.token.text).toBe(token);
        expect(text.slice(found?.start, found?.end)).toBe(token);
        expect(find(text)).toHaveLength(1);
      }),
    );
  });

  it('finds a token glued between word characters', () => {
    fc.assert(
      fc.property(tokenTexts, fc.stringMatching(/^[0-9A-Za-z]{0,40}$/), (token, word) => {
        expect(textsOf(word + token + word)).toEqual([token]);
      }),
    );
  });

  it('finds tokens in order, also where they touch', () => {
    fc.assert(
      fc.property(
        fc.array(tokenTexts, { maxLength: 8 }),
        fc.constantFrom('', ',', ' ', '_', '\n'),
        (tokens, between) => {
          expect(textsOf(tokens.join(between))).toEqual(tokens);
        },
      ),
    );
  });

  it.each([
    ['JSON', JSON.stringify({ token: TOKEN })],
    ['an environment file', `TOKEN=${TOKEN}\n`],
    ['a header', `Authorization: Bearer ${TOKEN}\r\n`],
    ['a URL', `https://api.example.test/?key=${TOKEN}&x=1`],
    ['Markdown', `**\`${TOKEN}\`**`],
    ['an identifier', `my_${TOKEN}_backup`],
    ['a name of another environment', `test_live_${TOKEN}`],
  ])('finds it in %s', (_, text) => {
    expect(textsOf(text)).toEqual([TOKEN]);
  });

  it.each(['live', 'test'] as const)('finds a token whose prefix is named like its environment: %s', (environment) => {
    const token = generate({ prefix: environment, environment });
    expect(textsOf(`x_${token}`)).toEqual([token]);
  });

  it.each(['%5F', '%5f'])('finds underscores encoded as %s, and reports the token decoded', (encoded) => {
    const text = `q=%20${TOKEN.replaceAll('_', encoded)}%20`;
    expect(find(text)).toEqual([
      {
        token: { text: TOKEN, prefix: 'tsr', environment: 'live', hint: TOKEN.slice(-4) },
        start: 5,
        end: text.length - 3,
      },
    ]);
    expect(textsOf(`key%5f${TOKEN.replace('_', encoded)}`)).toEqual([TOKEN]);
  });

  it('covers no more than FOUND_MAX_LENGTH characters', () => {
    const text = generate({ prefix: 'abcdefghijklmnop', environment: 'test' }).replaceAll('_', '%5F');
    expect(find(text)).toMatchObject([{ start: 0, end: FOUND_MAX_LENGTH }]);
  });

  it.each([
    ['a wrong checksum', `${TOKEN.slice(0, -1)}${TOKEN.endsWith('0') ? '1' : '0'}`],
    ['a lost character', TOKEN.slice(0, -1)],
    ['a prefix of one character', withChecksum(`.a_live_${TOKEN.slice(9, -6)}`)],
    ['a prefix in upper case', TOKEN.replace('tsr', 'TSR')],
    ['an empty text', ''],
    ['anchors alone', '_live__test_live_test_'],
  ])('does not report %s', (_, text) => {
    expect(find(text)).toEqual([]);
  });
});

describe('redact', () => {
  it('replaces each token and leaves the rest as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.stringMatching(/^[^_%]*$/), tokenTexts)), anything, (parts, end) => {
        const text = parts.map(([before, token]) => `${before} ${token}`).join('') + end;
        const expected = parts.map(([before]) => `${before} [token]`).join('') + end;
        fc.pre(!/^[0-9A-Za-z]/.test(end));
        expect(hide(text)).toBe(expected);
      }),
    );
  });

  it('hands over what stood there, and inserts what comes back literally', () => {
    const seen: string[] = [];
    const redacted = redact(`a ${TOKEN} b ${OTHER} c`, (text) => {
      seen.push(text);
      return "$&$1$'";
    });
    expect(redacted).toBe("a $&$1$' b $&$1$' c");
    expect(seen).toEqual([TOKEN, OTHER]);
  });

  it('removes a token of which any one character was changed, lost or added, if 20 of the secret still follow the anchor', () => {
    fc.assert(
      fc.property(tokenTexts, fc.nat(), fc.constantFrom('', 'x', 'xx', '-'), (token, n, other) => {
        const secretStart = token.length - 49;
        const at = secretStart + 20 + (n % 29);
        const redacted = hide(`<${token.slice(0, at)}${other}${token.slice(at + 1)}>`);
        expect(redacted).toMatch(/^<\[token\]/);
        expect(redacted).not.toContain(token.slice(secretStart, secretStart + 20));
      }),
    );
  });

  it('removes a token cut short once 20 characters of its secret are there, and not before', () => {
    expect(hide(`key ${TOKEN.slice(0, 9 + 20)}...`)).toBe('key [token]...');
    expect(hide(`key ${TOKEN.slice(0, 9 + 19)}...`)).toBe(`key ${TOKEN.slice(0, 9 + 19)}...`);
    expect(hide(`key ${TOKEN.slice(2)}`)).toBe('key [token]');
    expect(hide(`key ${TOKEN.slice(3)}`)).toBe('key [token]');
  });

  it('removes a damaged token and the sound one that touches it', () => {
    const damaged = TOKEN.slice(0, -6);
    expect(hide(`${damaged}${OTHER}`)).toBe('[token][token]');
    expect(hide(`${OTHER}${damaged}${OTHER}.`)).toBe('[token][token][token].');
  });

  it('tells a trace from a token', () => {
    const text = `${TOKEN} ${TOKEN.slice(0, -1)}`;
    expect(findTraces(text)).toMatchObject([
      { text: TOKEN, token: { text: TOKEN, hint: TOKEN.slice(-4) }, start: 0, end: 58 },
      { text: TOKEN.slice(0, -1), token: undefined, start: 59, end: 116 },
    ]);
  });

  it('leaves nothing to be found a second time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(tokenTexts, anything, fc.constantFrom('_live_', '_test', '%5F', TOKEN.slice(9)))),
        (parts) => {
          expect(findTraces(hide(parts.join('')))).toEqual([]);
        },
      ),
    );
  });
});

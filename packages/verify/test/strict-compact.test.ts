/** The strict reader: one text for one token, and nothing asked of us that we do not do. */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { strictCompact } from '../src/jose/strict-compact.ts';
import { strictJsonObject } from '../src/jose/strict-json.ts';
import { anyText } from './support/any-text.ts';
import { leastCpu } from './support/least-cpu.ts';
import { base64url } from './support/signing.ts';

const HEADER = '{"alg":"ES256","typ":"at+jwt","kid":"key-1"}';

describe('a compact text', () => {
  it('in order is read', () => {
    expect(read(HEADER, '{"sub":"me"}')).toEqual({
      header: { alg: 'ES256', typ: 'at+jwt', kid: 'key-1', jwk: undefined },
      claims: { sub: 'me' },
      input: `${base64url(HEADER)}.${base64url('{"sub":"me"}')}`,
      signature: Buffer.from('sig'),
    });
  });

  it('of a header that was read before is read the same', () => {
    const texts = Array.from({ length: 200 }, (_, at) => `{"alg":"ES256","kid":"${at % 100}"}`);
    expect(texts.map((header) => read(header, '{}')?.header.kid)).toEqual(texts.map((_, at) => `${at % 100}`));
  });

  const [header, payload, signature] = [base64url(HEADER), base64url('{"a":1}'), base64url('sig')];
  it.each([
    ['one segment', header],
    ['two segments', `${header}.${payload}`],
    ['four segments', `${header}.${payload}.${signature}.${signature}`],
    ['five segments, as of a JWE', `${header}.${payload}.${signature}.${signature}.${signature}`],
    ['1,001 segments', Array.from({ length: 1001 }, () => 'e30').join('.')],
    ['two dots and nothing else', '..'],
    ['an empty payload', `${header}..${signature}`],
    ['an empty header', `.${payload}.${signature}`],
    ['padding', `${header}.${payload}=.${signature}`],
    ['a leading space', ` ${header}.${payload}.${signature}`],
    ['a trailing line end', `${header}.${payload}.${signature}\n`],
    ['a space inside', `${header}.${payload.slice(0, 4)} ${payload.slice(4)}.${signature}`],
    ['the alphabet of plain base64', `${header}.${payload}.ab+/`],
    ['bits behind the last byte', `${header}.${payload}.${signature}QB`],
    ['one character too many', `${header}.${payload}.${signature}A`],
    ['more than the limit', `${header}.${base64url(JSON.stringify({ a: 'x'.repeat(1000) }))}.${signature}`],
    ['the flattened JSON serialisation', JSON.stringify({ protected: header, payload, signature })],
    ['the general JSON serialisation', JSON.stringify({ payload, signatures: [{ protected: header, signature }] })],
  ])('with %s is refused', (_, text) => {
    expect(strictCompact(text, 1000)).toBeUndefined();
  });

  it.each([
    '{"alg":"ES256","crit":["x"],"x":1}',
    '{"alg":"ES256","crit":[]}',
    '{"alg":"ES256","crit":"exp"}',
    '{"alg":"ES256","crit":["alg"]}',
    '{"alg":"ES256","crit":["absent"]}',
    '{"alg":"ES256","crit":null}',
    '{"alg":"ES256","b64":false}',
    '{"alg":"ES256","b64":true}',
    '{"alg":"ES256","zip":"DEF"}',
    '{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647}',
    '{"alg":"ES256","jku":"http://127.0.0.1:9/"}',
    '{"alg":"ES256","x5u":"https://evil.example/"}',
    '{"alg":"ES256","x5c":["MII"]}',
    '{"typ":"at+jwt"}',
    '{"alg":null}',
    '{"alg":["ES256"]}',
    '{"alg":"ES256","typ":1}',
    '{"alg":"ES256","kid":{}}',
    '{"alg":"ES256","kid":[]}',
    '{"alg":"ES256","kid":null}',
    `{"alg":"ES256","kid":"${'k'.repeat(257)}"}`,
    '{"alg":"none","alg":"ES256"}',
    '{"alg":"ES256","\\u0061lg":"none"}',
    '[]',
    '"alg"',
    'null',
    '{"alg":"ES256"} ,',
    '\ufeff{"alg":"ES256"}',
    '',
  ])('with the header %s is refused', (text) => {
    expect(read(text, '{}')).toBeUndefined();
  });

  it.each([
    '[]',
    '1',
    '"x"',
    'null',
    '{"a":1,"a":1}',
    '{"a":{"b":1,"b":2}}',
    '[{"a":1}]',
    "{'a':1}",
    '{"a":01}',
    '{,}',
  ])('with the payload %s is refused', (text) => {
    expect(read(HEADER, text)).toBeUndefined();
  });

  it('with a header that is not UTF-8 is refused', () => {
    const bytes = Buffer.from('{"alg":"ES256","kid":"\xff"}', 'latin1');
    expect(strictCompact(`${base64url(bytes)}.e30.AA`, 1000)).toBeUndefined();
  });

  it('of any characters is refused, and nothing is thrown', () => {
    fc.assert(
      fc.property(anyText(60), (text) => {
        expect(strictCompact(text, 1000)).toBeUndefined();
      }),
    );
  });
});

describe('JSON', () => {
  it.each(['{"a":1,"__proto__":2,"__proto__":3}', '{"a":[{"b":1,"\\u0062":1}]}', '{"\\\\":1,"\\\\":2}', '{"":1,"":1}'])(
    'with a member twice, %s, is refused',
    (text) => {
      expect(() => JSON.parse(text)).not.toThrow();
      expect(strictJsonObject(Buffer.from(text))).toBeUndefined();
    },
  );

  it('of any valid object is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.dictionary(anyText(8), fc.jsonValue({ maxDepth: 5 })), (object) => {
        const text = JSON.stringify(object);
        expect(strictJsonObject(Buffer.from(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('with a member twice is refused, wherever and however it is spelled', () => {
    const path = fc.array(fc.constantFrom('object', 'list'), { maxLength: 6 });
    fc.assert(
      fc.property(anyText(6), path, (name, nesting) => {
        const escaped = name.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
        const twice = `{${JSON.stringify(name)}:"}{,:" , "x:":[] , "${escaped.join('')}" :2}`;
        fc.pre(name !== 'x:');
        const wrap = (inner: string, kind: string) => (kind === 'list' ? `[1,${inner}]` : `{"in":${inner}}`);
        const text = `{"out":${nesting.reduce(wrap, twice)}}`;
        expect(() => JSON.parse(text)).not.toThrow();
        expect(strictJsonObject(Buffer.from(text))).toBeUndefined();
      }),
    );
  });

  it('with the same member in different objects is read', () => {
    const text = '{"a":{"a":[{"a":1},{"a":1}]},"b":{"a":"\\"a\\":"}}';
    expect(strictJsonObject(Buffer.from(text))).toEqual(JSON.parse(text));
  });

  it('nests 16 deep and no deeper', () => {
    const nested = (depth: number) => Buffer.from(`{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`);
    expect(strictJsonObject(nested(16))).toBeDefined();
    expect(strictJsonObject(nested(17))).toBeUndefined();
    expect(strictJsonObject(nested(50_000))).toBeUndefined();
  });

  it('has 2,000 members and no more, however they are nested, and more cost no time', async () => {
    const list = (count: number) => Array.from({ length: count }, (_, at) => `{"${at}":0}`).join(',');
    expect(strictJsonObject(Buffer.from(`{"a":[${list(1999)}]}`))).toBeDefined();
    expect(strictJsonObject(Buffer.from(`{"a":[${list(2000)}]}`))).toBeUndefined();
    // Names that V8 takes for indexes of an array, and that collide (CVE-2026-21717).
    const colliding = Array.from({ length: 30_000 }, (_, at) => `"${at * 131_072}":0`).join(',');
    const bytes = Buffer.from(`{${colliding}}`);
    expect(strictJsonObject(bytes)).toBeUndefined();
    expect(await leastCpu(() => strictJsonObject(bytes))).toBeLessThan(50);
  });

  it('with a member named __proto__ changes no object', () => {
    const value = strictJsonObject(Buffer.from('{"__proto__":{"admin":true}}'));
    expect(Object.hasOwn(value ?? {}, '__proto__')).toBe(true);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    expect(value?.admin).toBeUndefined();
  });
});

function read(header: string, payload: string) {
  return strictCompact(`${base64url(header)}.${base64url(payload)}.${base64url('sig')}`, 4000);
}

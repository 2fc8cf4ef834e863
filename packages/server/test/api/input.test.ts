/** What came in is checked wholly, told with a pointer to each fault, and never repeated. */
import { Buffer } from 'node:buffer';
import { operations } from '@tessera/contract';
import { describe, expect, test } from 'vitest';
import { hasLoneSurrogate, isJson, jsonBody, parseBody, parseQuery } from '../../src/api/input.ts';
import { findOperation } from '../../src/api/operations-table.ts';
import type { InputError, Refusal } from '../../src/core/refusal.ts';
import type { Incoming } from '../../src/http/edge.ts';

function refused(work: () => unknown): Refusal {
  try {
    work();
  } catch (error) {
    return error as Refusal;
  }
  throw new Error('it was not refused');
}

const pointers = (errors: readonly InputError[]) => errors.map(({ pointer, code }) => `${pointer} ${code}`);

describe('a body', () => {
  test('has every fault told at once', () => {
    const body = {
      name: '',
      scopes: ['a b', 'ok'],
      colour: 'red',
      ip: { allow: ['nowhere'] },
      limits: [{ limit: 1, window: 0 }],
    };
    const { code, errors } = refused(() => parseBody(operations['tokens.create'], body));
    expect(code).toBe('invalid_input');
    expect(pointers(errors).toSorted()).toEqual([
      '/colour unrecognized_keys',
      '/ip/allow/0 invalid_union',
      '/limits/0/window too_small',
      '/name too_small',
      '/scopes/0 invalid_format',
    ]);
  });

  test('is not answered with more faults than one can read, however many members it has', () => {
    const body = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`member${index}`, 1]));
    expect(refused(() => parseBody(operations['tokens.create'], body)).errors).toHaveLength(50);
  });

  test('does not get its values back', () => {
    const secret = 'hunter2-hunter2';
    const { message, errors } = refused(() =>
      parseBody(operations['tokens.create'], {
        name: [secret],
        owner: secret,
        scopes: [`${secret} x`],
        expiresIn: secret,
      }),
    );
    expect(JSON.stringify([message, errors])).not.toContain(secret);
  });

  test('member names are shown without what could forge a line, and cut', () => {
    const key = `a\n\u0000~/${'b'.repeat(200)}`;
    const [error] = refused(() => parseBody(operations['tokens.create'], { name: 'x', scopes: [], [key]: 1 })).errors;
    expect(error?.pointer).toBe(`/a??~0~1${'b'.repeat(95)}`);
  });

  test.each(['{"__proto__":{"admin":true}}', '{"a":[{"constructor":1}]}', '{"metadata":{"prototype":"x"}}'])(
    '%s is refused, and nothing is changed by it',
    (text) => {
      expect(pointers(refused(() => jsonBody(Buffer.from(text))).errors)).toEqual([' forbidden_key']);
      expect(({} as { admin?: boolean }).admin).toBeUndefined();
    },
  );

  test.each([
    ['{"a":1,"a":2}', 'twice'],
    ['{"a":', 'not valid JSON'],
    ['', 'not valid JSON'],
    [`${'['.repeat(33)}${']'.repeat(33)}`, 'nested deeper'],
  ])('%j is malformed', (text, words) => {
    const { code, detail } = refused(() => jsonBody(Buffer.from(text)));
    expect(code).toBe('malformed_json');
    expect(detail).toContain(words);
  });

  test('with half a character anywhere is seen', () => {
    expect(hasLoneSurrogate({ a: [{ b: '\ud800' }] })).toBe(true);
    expect(hasLoneSurrogate({ '\udfff': 1 })).toBe(true);
    expect(hasLoneSurrogate({ a: ['\ud83d\ude00', 1, null, true] })).toBe(false);
  });
});

describe('a query', () => {
  test.each([
    ['limit=0', '?limit too_small'],
    ['limit=101', '?limit too_big'],
    ['limit=NaN', '?limit invalid_type'],
    ['limit=1.5', '?limit invalid_type'],
    ['colour=red', '?colour unrecognized_keys'],
    ['limit=1&limit=2', '?limit repeated'],
    ['__proto__=1', '?__proto__ unrecognized_keys'],
    ['constructor=1', '?constructor unrecognized_keys'],
  ])('%s', (query, fault) => {
    expect(pointers(refused(() => parseQuery(operations['tokens.list'], query)).errors)).toEqual([fault]);
  });

  test('is refused where the operation has none', () => {
    expect(pointers(refused(() => parseQuery(operations['tokens.create'], 'a=1')).errors)).toEqual([
      '?a unrecognized_keys',
    ]);
    expect(parseQuery(operations['tokens.create'], '')).toBeUndefined();
  });
});

test.each([
  ['application/json', undefined, true],
  ['application/json', 'identity', true],
  ['Application/JSON; charset=UTF-8', undefined, true],
  ['application/json;charset="utf-8"', undefined, true],
  ['application/json; charset=utf-16', undefined, false],
  ['application/json', 'gzip', false],
  ['application/json; charset=utf-8; x=y', undefined, false],
  ['application/jsonp', undefined, false],
  ['text/plain', undefined, false],
  ['application/x-www-form-urlencoded', undefined, false],
  [undefined, undefined, false],
])('the type %s, encoded %s, is JSON: %s', (type, encoding, good) => {
  const sent = Object.entries({ 'Content-Type': type, 'content-encoding': encoding });
  const fields = sent.flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  expect(isJson({ fields } as Pick<Incoming, 'fields'> as Incoming)).toBe(good);
});

describe('an operation is found', () => {
  test.each([
    ['GET', '/v1/tokens', 'tokens.list'],
    ['POST', '/v1/tokens/batch', 'tokens.createBatch'],
    ['GET', '/v1/tokens/batch', 'tokens.get'],
    ['POST', '/v1/tokens/tok_1/rotate/cancel', 'tokens.cancelRotation'],
    ['GET', '/v1/audit/verify', 'audit.verify'],
  ])('%s %s', (method, path, name) => {
    expect(findOperation(method, path)).toMatchObject({ outcome: 'operation', name });
  });

  test.each([
    ['PUT', '/v1/tokens/tok_1', 'GET, PATCH'],
    ['HEAD', '/v1/tokens', 'GET, POST'],
    ['OPTIONS', '/v1/verify', 'POST'],
  ])('%s %s is not allowed', (method, path, allow) => {
    expect(findOperation(method, path)).toEqual({ outcome: 'method', allow });
  });

  test.each(['/v1/tokens/', '/v1/', '/v1/tokens/a/b/c/d', '/v1/nothing', '/v1//tokens'])('nothing at %s', (path) => {
    expect(findOperation('GET', path).outcome).toBe('none');
  });
});

/** Query parameters: found in every spelling that a server behind us would decode, and taken out without touching the others. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parameterKey, parametersOf, withoutParameters } from '../src/index.ts';

const WITHOUT = (query: string): string => withoutParameters(query, new Set(['access_token']));

const SPELLINGS = [
  'access_token',
  '%61ccess_token',
  'access%5Ftoken',
  'access%5ftoken',
  'Access_Token',
  'ACCESS_TOKEN',
  'access.token',
  'access+token',
  'access%20token',
  '+access_token',
  '%20access_token',
  'access_token%20',
  'access_token[]',
  'access_token%5B%5D',
  'access_token[x]',
  'access_token%00x',
  '%u0061ccess_token',
  '%25u0061ccess_token',
  '?access_token',
  '[access_token]',
  '%5Baccess_token%5D=1',
  '[[access_token',
  'access_token]',
];

describe('a name', () => {
  it.each(SPELLINGS)('is found as %s', (written) => {
    expect(WITHOUT(`a=1&${written}=T&b=2`)).toBe('a=1&b=2');
    expect(WITHOUT(`a=1;${written}=T&b=2`)).toBe('a=1&b=2');
    expect(WITHOUT(written)).toBe('');
  });

  it.each(['my_access_token', 'access_tokens', 'accesstoken', 'access-token', 'x[access_token]', 'token'])(
    'is not %s',
    (other) => {
      const query = `a&${other}=access_token`;
      expect(WITHOUT(query)).toBe(query);
    },
  );
});

describe('what stays', () => {
  it.each([
    ['', ''],
    ['access_token=T', ''],
    ['access_token', ''],
    ['a=%7e&access_token=T', 'a=%7e'],
    ['access_token=T&a=%7E', 'a=%7E'],
    ['a&&access_token=T&&b', 'a&&&b'],
    ['access_token=1&access_token=2', ''],
    ['access_token=1&a=1&access_token=2&b=%zz', 'a=1&b=%zz'],
    ['&access_token=T', ''],
    ['access_token=T&', ''],
    ['access_token;x=T', ''],
    ['access_token=T;x=1&b', 'b'],
    ['a=1;access_token=T;c&b', 'a=1;c&b'],
    ['a=x;y&access_token=T', 'a=x;y'],
    ['x=access_token', 'x=access_token'],
    ['==&=access_token', '==&=access_token'],
  ])('%j leaves %j', (query, left) => {
    expect(WITHOUT(query)).toBe(left);
  });

  it('is every other parameter, byte for byte, in its order', () => {
    const piece = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'é', '%', '61', '=', '+', '?', '[', '%41'), minLength: 1 }),
      fc.constantFrom(...SPELLINGS.map((name) => `${name}=T`)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const isOurs = (text: string): boolean =>
          parametersOf(text).some(({ name }) => parameterKey(name) === 'access_token');
        expect(WITHOUT(pieces.join('&'))).toBe(pieces.filter((text) => !isOurs(text)).join('&'));
      }),
    );
  });

  it('holds nothing that a form decoder would still find', () => {
    const unit = fc.constantFrom('access_token', '%61ccess', '_token', '=', '&', ';', 'T', '+', '?', '%00', '[');
    fc.assert(
      fc.property(fc.string({ unit }), (query) => {
        expect(new URLSearchParams(`&${WITHOUT(query)}`).has('access_token')).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });
});

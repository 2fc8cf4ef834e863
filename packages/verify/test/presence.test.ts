/** Step 1: exactly one credential, from an allowed place, taken as it was sent. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Presence, type Presented, parameterKey, presence, withoutParameters } from '../src/index.ts';
import { anyText } from './support/any-text.ts';
import { codeOf, portsOf } from './support/ports.ts';
import { OTHER_TOKEN, TOKEN } from './support/tokens.ts';

const NOTHING: Presented = { authorization: [], apiKey: [], query: '' };

describe('no credential', () => {
  it.each<[string, Partial<Presented>]>([
    ['nothing at all', {}],
    ['a Basic scheme', { authorization: ['Basic dXNlcjpwYXNz'] }],
    ['a scheme that only starts like ours', { authorization: [`Bearertoken ${TOKEN}`] }],
    ['our scheme parted by a tab', { authorization: [`Bearer\t${TOKEN}`] }],
    ['a bare token without scheme', { authorization: [TOKEN] }],
    ['an empty Authorization', { authorization: [''] }],
    ['a query credential alone', { query: `access_token=${TOKEN}` }],
    ['other query parameters', { query: 'token=x&key=y%20z' }],
  ])('%s is missing', (_, presented) => {
    expect(outcomeOf(presented)).toBe('missing');
  });
});

describe('an empty credential', () => {
  it.each<[string, Partial<Presented>]>([
    ['Bearer', { authorization: ['Bearer'] }],
    ['Bearer and a space', { authorization: ['Bearer '] }],
    ['DPoP', { authorization: ['DPoP'] }],
    ['an empty X-API-Key', { apiKey: [''] }],
  ])('%s is a bad request, not a missing token', (_, presented) => {
    expect(outcomeOf(presented)).toBe('empty');
  });
});

describe('two credentials', () => {
  const one = { authorization: [`Bearer ${TOKEN}`] };
  it.each<[string, Partial<Presented>]>([
    ['Authorization twice', { authorization: [`Bearer ${TOKEN}`, `Bearer ${OTHER_TOKEN}`] }],
    ['the same one twice', { authorization: [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`] }],
    ['Bearer and DPoP', { authorization: [`Bearer ${TOKEN}`, `DPoP ${TOKEN}`] }],
    ['Authorization and X-API-Key', { ...one, apiKey: [OTHER_TOKEN] }],
    ['X-API-Key twice', { apiKey: [TOKEN, TOKEN] }],
    ['one that is empty', { ...one, apiKey: [''] }],
    ['one in the query', { ...one, query: 'access_token=other' }],
    ['an empty one in the query', { ...one, query: 'a=b&access_token=' }],
    ['one in the query, its name encoded', { ...one, query: '%61ccess%5ftoken=other' }],
    ['X-API-Key and one in the query', { apiKey: [TOKEN], query: 'x&access_token' }],
  ])('%s cannot be told apart', (_, presented) => {
    expect(outcomeOf(presented)).toBe('duplicate_credentials');
  });

  it('a foreign scheme beside ours is not one', () => {
    expect(outcomeOf({ authorization: ['Basic dXNlcjpwYXNz'], apiKey: [TOKEN] })).toBe('present');
  });

  it('a query parameter that only ends in the name is not one', () => {
    expect(outcomeOf({ ...one, query: 'my_access_token=x&x=access_token' })).toBe('present');
  });
});

describe('the one credential', () => {
  it.each([
    ['Bearer', 'bearer'],
    ['bearer', 'bearer'],
    ['BEARER', 'bearer'],
    ['DPoP', 'dpop'],
    ['dpop', 'dpop'],
  ])('scheme %s is read without case', (written, scheme) => {
    const found = presence({ ...NOTHING, authorization: [`${written} ${TOKEN}`] });
    expect(found).toEqual({ outcome: 'present', credential: { text: TOKEN, scheme, field: 'authorization' } });
  });

  it('X-API-Key holds it without a scheme', () => {
    const found = presence({ ...NOTHING, apiKey: [TOKEN] });
    expect(found).toEqual({ outcome: 'present', credential: { text: TOKEN, scheme: 'key', field: 'x-api-key' } });
  });

  it('is nothing but what was sent', () => {
    fc.assert(
      fc.property(anyText(1000), (text) => {
        fc.pre(text !== '' && !text.startsWith(' '));
        const found = presence({ ...NOTHING, authorization: [`Bearer ${text}`] });
        expect(found).toMatchObject({ outcome: 'present', credential: { text } });
      }),
    );
  });

  it.each([
    ['a padding character', `${TOKEN}=`],
    ['an encoded line end', `${TOKEN}%0a`],
    ['a quotation mark', `"${TOKEN}"`],
    ['a space', `${TOKEN} `],
    ['a no-break space', `${TOKEN}\u00a0`],
    ['a NUL inside', `${TOKEN.slice(0, 20)}\0${TOKEN.slice(20)}`],
    ['letters of the other case', swapCase(TOKEN)],
    ['full-width letters', TOKEN.replace('tsr', 'ｔｓｒ')],
    ['a Cyrillic look-alike', TOKEN.replace('live', 'livе')],
    ['a second token behind a comma', `${TOKEN}, Bearer ${OTHER_TOKEN}`],
    ['600 characters', TOKEN.padEnd(600, 'a')],
  ])('with %s is malformed and never looked up', async (_, text) => {
    const found = presence({ ...NOTHING, authorization: [`Bearer ${text}`] });
    if (found.outcome !== 'present') throw new Error('the credential was not found');
    const asked: unknown[] = [];
    const tokens = { known: () => undefined, find: (digest: unknown) => void asked.push(digest), imported: () => [] };
    expect(await codeOf(portsOf({ tokens }), { credential: found.credential })).toBe('malformed');
    expect(asked).toEqual([]);
  });
});

function outcomeOf(presented: Partial<Presented>): Presence['outcome'] {
  return presence({ ...NOTHING, ...presented }).outcome;
}

function swapCase(text: string): string {
  return text.replace(/[a-z]/gi, (letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
}

describe('a credential in the query, where that is chosen', () => {
  const found = (query: string, more: Partial<Presented> = {}, queryName = 'access_token'): Presence =>
    presence({ ...NOTHING, ...more, query, queryName });

  it.each([`access_token=${TOKEN}`, `a=1&access_token=${TOKEN}&b`, `%61ccess%5Ftoken=${TOKEN.replace('_', '%5f')}`])(
    'is found in %s',
    (query) => {
      const credential = { text: TOKEN, scheme: 'bearer', field: undefined, parameter: 'access_token' };
      expect(found(query)).toEqual({ outcome: 'present', credential });
    },
  );

  it('is found under the name that was chosen, and only there', () => {
    expect(found(`key=${TOKEN}`, {}, 'key')).toMatchObject({ outcome: 'present', credential: { parameter: 'key' } });
    expect(found(`access_token=${TOKEN}`, {}, 'key').outcome).toBe('missing');
    expect(found(`key=${TOKEN}`).outcome).toBe('missing');
  });

  it.each([
    `access_token=${TOKEN}&access_token=${TOKEN}`,
    `access_token=${TOKEN}&Access_Token=${OTHER_TOKEN}`,
    `access_token=${TOKEN}&x=1;access_token=${OTHER_TOKEN}`,
    `access_token=${TOKEN}&access_token[]=${OTHER_TOKEN}`,
    `access_token=&access_token=${TOKEN}`,
  ])('is one too many in %s', (query) => {
    expect(found(query).outcome).toBe('duplicate_credentials');
  });

  it.each<Partial<Presented>>([{ authorization: [`Bearer ${OTHER_TOKEN}`] }, { apiKey: [''] }, { apiKey: [TOKEN] }])(
    'counts beside a header: %j',
    (more) => {
      expect(found(`access_token=${TOKEN}`, more).outcome).toBe('duplicate_credentials');
      expect(found(`Key=${TOKEN}`, more, 'key').outcome).toBe('duplicate_credentials');
      expect(found(`access_token=${TOKEN}`, more, 'key').outcome).toBe('duplicate_credentials');
    },
  );

  it.each(['access_token=', 'access_token', 'a&access_token=&b', `access_token;x=${TOKEN}`])(
    'is empty in %s',
    (query) => {
      expect(found(query).outcome).toBe('empty');
    },
  );

  it.each([`Access_Token=${TOKEN}`, `access_token[]=${TOKEN}`, `x=1;access_token=${TOKEN}`, `access.token=${TOKEN}`])(
    'is not there in another spelling: %s',
    (query) => {
      expect(found(query).outcome).toBe('missing');
    },
  );

  it('is gone with its parameter, all of it', () => {
    const unit = fc.constantFrom('access_token', '=', '&', ';', 'T', 'x', '%', '+');
    fc.assert(
      fc.property(fc.string({ unit }), (before) => {
        const query = `${before}&access_token=${TOKEN}`;
        fc.pre(found(query).outcome === 'present');
        const left = withoutParameters(query, new Set([parameterKey('access_token')]));
        expect(left).toBe(before);
      }),
    );
  });

  it('goes on to the next parameter: what stands behind it is not cut off', () => {
    expect(found(`access_token=${TOKEN};x=1`)).toMatchObject({ credential: { text: `${TOKEN};x=1` } });
    expect(found(`access_token=${TOKEN}%00`)).toMatchObject({ credential: { text: `${TOKEN}\0` } });
  });
});

/** A token ends when its api, the platform and its minter allow it, at the latest; what is asked beyond that is refused. */
import { describe, expect, test } from 'vitest';
import { checkExpiry, type ExpiryPolicy, expiryOf, parseDuration } from '../../src/core/tokens/expiry.ts';
import { anApi } from '../store/support/fixtures.ts';
import { NOW, policy } from './support/platform.ts';

const open = anApi('ws_1');
const short = anApi('ws_1', { defaultExpirySeconds: 60, maximumExpirySeconds: 120 });
const strict: ExpiryPolicy = { defaultExpirySeconds: 1000, maxExpirySeconds: 100, allowNoExpiry: true };
const forbidding: ExpiryPolicy = { ...policy, allowNoExpiry: false };
const at = (seconds: number): string => new Date(NOW + seconds * 1000).toISOString();

const rules = { api: open, kind: 'api_key', format: 'opaque', policy, now: NOW, ceiling: undefined } as const;

describe('seconds of life', () => {
  test.each([
    ['nothing asked: 90 days', {}, {}, 7_776_000],
    ['nothing asked: the default of the api', {}, { api: short }, 60],
    ['nothing asked: the default, within the longest life', {}, { policy: strict }, 100],
    ['nothing asked: no longer than the minter', {}, { ceiling: NOW + 5000 }, 5],
    ['nothing asked, personal', {}, { kind: 'personal_access_token' }, 7_776_000],
    ['seconds', { expiresIn: 1 }, {}, 1],
    ['ten years', { expiresIn: 315_360_000 }, {}, 315_360_000],
    ['days', { expiresIn: '30d' }, {}, 2_592_000],
    ['ISO 8601', { expiresIn: 'P1DT1H' }, {}, 90_000],
    ['a time', { expiresAt: at(7) }, {}, 7],
    ['a time with an offset', { expiresAt: '2026-11-22T14:00:01+02:00' }, {}, 1],
    ['exactly the longest life', { expiresIn: 120 }, { api: short }, 120],
  ] as const)('%s', (_, wish, over, seconds) => {
    expect(expiryOf(wish, { ...rules, ...over })).toBe(NOW + seconds * 1000);
  });

  test('for ever only where it is asked for by name and allowed', () => {
    expect(expiryOf({ expiresIn: 'never' }, rules)).toBeNull();
  });
});

describe('refused', () => {
  test.each([
    ['now', { expiresAt: at(0) }, {}, 'must be in the future'],
    ['the past', { expiresAt: at(-1) }, {}, 'must be in the future'],
    ['0 seconds by words', { expiresIn: 'PT0S' }, {}, 'must be 1 second to 10 years'],
    ['an empty duration', { expiresIn: 'P' }, {}, 'must be 1 second to 10 years'],
    ['an unfinished duration', { expiresIn: 'P1DT' }, {}, 'must be 1 second to 10 years'],
    ['more than ten years by words', { expiresIn: '9999999999w' }, {}, 'must be 1 second to 10 years'],
    ['beyond the api', { expiresIn: 121 }, { api: short }, 'policy allows at most 120 seconds'],
    ['a time beyond the api', { expiresAt: at(121) }, { api: short }, 'policy allows at most 120 seconds'],
    ['beyond the platform', { expiresIn: 101 }, { policy: strict }, 'policy allows at most 100 seconds'],
    ['never, against policy', { expiresIn: 'never' }, { policy: forbidding }, 'policy requires an expiry'],
    ['never, with a longest life', { expiresIn: 'never' }, { policy: strict }, 'policy requires an expiry'],
    ['never, with a longest life of the api', { expiresIn: 'never' }, { api: short }, 'policy requires an expiry'],
    ['never, personal', { expiresIn: 'never' }, { kind: 'personal_access_token' }, 'must expire'],
  ] as const)('%s', (_, wish, over, words) => {
    expect(() => expiryOf(wish, { ...rules, ...over })).toThrow(words);
  });

  test('the same of a change, which names its own member', () => {
    const change = { ...rules, api: short, pointer: '/expiresAt' };
    expect(() => checkExpiry(NOW + 120_001, change)).toThrow('policy allows at most 120 seconds');
    expect(() => checkExpiry(null, change)).toThrow('policy requires an expiry');
    expect(() => checkExpiry(NOW + 120_000, change)).not.toThrow();
  });
});

test.each([
  ['1s', 1],
  ['2m', 120],
  ['3h', 10_800],
  ['4d', 345_600],
  ['5w', 3_024_000],
  ['PT1M30S', 90],
  ['P2D', 172_800],
  ['0s', undefined],
  ['-1s', undefined],
  ['1', undefined],
  ['1 s', undefined],
  ['P1M', undefined],
  ['1s ', undefined],
  ['１s', undefined],
] as const)('the duration %s', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

/** Flags mean what people think they mean: durations, expiry, limits, quotas, addresses, pairs. */
import { InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expiryTime, parseDuration, parseExpiry, parseTime } from '../src/flags/duration.ts';
import { parseCredits, parseLimit, parseQuota } from '../src/flags/limit.ts';
import { collectScopes, fromPairs, parsePair, parseRange, repeatable, wholeNumber } from '../src/flags/repeatable.ts';

describe('durations', () => {
  it.each([
    ['90', 90],
    ['90s', 90],
    ['15m', 900],
    ['12h', 43_200],
    ['30d', 2_592_000],
    ['2w', 1_209_600],
    ['PT1H', 3600],
    ['P1DT2H3M4S', 93_784],
    ['0', 0],
  ])('%s is %i seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it('a number and its unit mean their product', () => {
    const units = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
    fc.assert(
      fc.property(fc.nat(99_999), fc.constantFrom(...Object.entries(units)), (count, [unit, seconds]) => {
        expect(parseDuration(`${count}${unit}`)).toBe(count * seconds);
      }),
    );
  });

  it.each(['', '-1', '1.5h', '30 d', '1y', 'P', 'PT', '1h30m', 'soon', '12345678901'])('%j is refused', (text) => {
    expect(() => parseDuration(text)).toThrow(
      new InvalidArgumentError('Give seconds or a duration such as 90s, 15m, 12h, 30d, 4w.'),
    );
  });
});

describe('expiry', () => {
  const now = Date.parse('2027-01-01T00:00:00Z');
  it.each([
    ['never', null],
    ['1d', '2027-01-02T00:00:00.000Z'],
    ['2030-01-31', '2030-01-31T00:00:00.000Z'],
    ['2030-01-31T12:00:00+01:00', '2030-01-31T11:00:00.000Z'],
  ])('%s', (text, time) => {
    expect(expiryTime(parseExpiry(text), now)).toBe(time);
  });

  it.each(['0', '0d', 'Never', '2030-02-30', '2030-13-01', 'tomorrow', ''])('%j is refused', (text) => {
    expect(() => parseExpiry(text)).toThrow(
      new InvalidArgumentError('Give a duration such as 30d, a date such as 2030-01-31, or never.'),
    );
  });

  it('every day of the calendar is itself', () => {
    const days = fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(days, (date) => {
        const day = date.toISOString().slice(0, 10);
        expect(parseTime(day)).toBe(`${day}T00:00:00.000Z`);
      }),
    );
  });
});

describe('limits', () => {
  it.each([
    ['100/60s', { limit: 100, window: 60 }],
    ['100/60', { limit: 100, window: 60 }],
    ['100/m', { limit: 100, window: 60 }],
    ['5/PT1H', { limit: 5, window: 3600 }],
    ['api=100/1m,burst=20', { name: 'api', limit: 100, window: 60, burst: 20 }],
    ['9/1m,onFault=open', { limit: 9, window: 60, onFault: 'open' }],
    ['1/1d,cost=1,mode=approximate', { limit: 1, window: 86_400, cost: 1, mode: 'approximate' }],
  ])('%s', (text, limit) => {
    expect(parseLimit(text)).toEqual(limit);
  });

  it('what is written down is read back', () => {
    const names = fc.option(fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/), { nil: undefined });
    const counts = fc.integer({ min: 1, max: 1_000_000 });
    fc.assert(
      fc.property(names, counts, counts, fc.option(counts, { nil: undefined }), (name, limit, window, burst) => {
        const text = `${name === undefined ? '' : `${name}=`}${limit}/${window}s${burst === undefined ? '' : `,burst=${burst}`}`;
        expect(parseLimit(text)).toEqual({
          ...(name === undefined ? {} : { name }),
          limit,
          window,
          ...(burst === undefined ? {} : { burst }),
        });
      }),
    );
  });

  it('any other text is refused by its own error, never by another', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'019/,=smhdPTburstcost- \0') }), (text) => {
        try {
          expect(parseLimit(text).limit).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidArgumentError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    '100',
    '0/60s',
    '100/',
    '/60s',
    '100/60s,burst=0',
    '100/60s,burst=1,burst=2',
    '100/60s,x=1',
    '100/60s,mode=leased',
    '100/60s,onFault=never',
    '100/60s,onFault=open,onFault=closed',
    'A=1/1s',
    '1e3/60s',
  ])('%j is refused', (text) => {
    expect(() => parseLimit(text)).toThrow(InvalidArgumentError);
  });

  it('credits', () => {
    expect(parseCredits('500')).toEqual({ remaining: 500 });
    expect(parseCredits('0,100/day')).toEqual({ remaining: 0, refill: { amount: 100, period: 'day' } });
    for (const text of ['', '-1', '1e3', '5,', '5,100', '5,100/year', '5,1/day,2', ' 5'])
      expect(() => parseCredits(text), text).toThrow(/Write it as/);
  });

  it('quotas', () => {
    expect(parseQuota('10000/day')).toEqual({ limit: 10_000, period: 'day' });
    expect(parseQuota('1/month')).toEqual({ limit: 1, period: 'month' });
    for (const text of ['10000', '0/day', '1/week', '1.5/day'])
      expect(() => parseQuota(text)).toThrow(InvalidArgumentError);
  });
});

describe('repeated flags', () => {
  it('scopes add up, without repeating', () => {
    expect(collectScopes('b a', collectScopes('a', undefined))).toEqual(['a', 'b']);
  });

  it('pairs split at the first equals sign; a name of the prototype is just a name', () => {
    const pairs = repeatable(parsePair)('__proto__=x', repeatable(parsePair)('k=a=b', undefined));
    const object = fromPairs(pairs);
    expect(JSON.stringify(object)).toBe('{"k":"a=b","__proto__":"x"}');
    expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
    expect(fromPairs(undefined)).toBeUndefined();
    for (const text of ['', '=x', 'kx']) expect(() => parsePair(text)).toThrow(InvalidArgumentError);
  });

  it('addresses and ranges', () => {
    for (const text of ['10.0.0.1', '10.0.0.0/8', '::1', '2001:db8::/32', '::ffff:10.0.0.1'])
      expect(parseRange(text)).toBe(text);
    for (const text of ['10.0.0.0/33', '::/129', '10.0.0', 'localhost', '10.0.0.0/8/8', '10.0.0.0/', 'fe80::1%eth0']) {
      expect(() => parseRange(text)).toThrow(InvalidArgumentError);
    }
  });

  it('whole numbers', () => {
    expect(wholeNumber(0)('0')).toBe(0);
    for (const text of ['0', '-1', '1.0', 'x', '']) expect(() => wholeNumber(1)(text)).toThrow(InvalidArgumentError);
  });
});

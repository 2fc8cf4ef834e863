/** "Did you mean" finds what a slip of the finger meant, and is silent about anything else. */
import { expect, test } from 'vitest';
import { editDistance, nearestName } from '../../src/config/nearest-name.ts';

const NAMES = ['port', 'name', 'match', 'require', 'limits', 'quota', 'transform', 'upstream', 'gatewayPort'];

test.each([
  ['limit', 'limits'],
  ['rate_limti', 'limits'],
  ['rateLimits', 'limits'],
  ['mathc', 'match'],
  ['upsteram', 'upstream'],
  ['Require', 'require'],
  ['gateway_port', 'gatewayPort'],
  ['GATEWAY-PORT', 'gatewayPort'],
  ['gatewyPort', 'gatewayPort'],
  ['gatwy_port', 'gatewayPort'],
  ['tesseraPort', 'port'],
  ['xyz', undefined],
  ['', undefined],
  ['n', undefined],
  ['limits'.repeat(20), undefined],
])('%s: %s', (name, nearest) => {
  expect(nearestName(name, NAMES)).toBe(nearest);
});

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['kitten', 'sitting', 3],
  ['ca', 'abc', 3],
])('distance of "%s" and "%s" is %i', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

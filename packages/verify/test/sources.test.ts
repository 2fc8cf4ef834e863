/** Who is counted as one client. */
import { expect, test } from 'vitest';
import { counterKey, type Principal, sourceOf } from '../src/index.ts';

const principal: Principal = {
  id: 'tok_1',
  kind: 'api_key',
  name: 'k',
  workspace: { id: 'ws_1' },
  owner: undefined,
  api: { id: 'api_1', audience: 'a' },
  environment: 'live',
  scopes: [],
  expiresAt: undefined,
};

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002:ffff::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['not an address', 'unknown'],
])('%s is counted as %s', (address, source) => {
  expect(sourceOf(address)).toBe(source);
});

test('a limit by address has one counter for the whole /64, and another for the next', () => {
  const rule = { key: 'route:a:1', name: '1', limit: 1, windowSeconds: 1, burst: 1, cost: 1, by: 'address' } as const;
  const key = (address: string | undefined) => counterKey(rule, principal, address);
  expect(key('2001:db8:1:2::1')).toBe(key('2001:db8:1:2:ffff::9'));
  expect(key('2001:db8:1:2::1')).not.toBe(key('2001:db8:1:3::1'));
  expect(key('::ffff:192.0.2.7')).toBe(key('192.0.2.7'));
  expect(key('192.0.2.7')).not.toBe(key('192.0.2.8'));
  expect(key(undefined)).toBe('route:a:1|unknown');
});

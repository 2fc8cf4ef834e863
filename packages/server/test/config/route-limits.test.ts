/** What a route may say of counting, and what of it could never work. */
import { describe, expect, test } from 'vitest';
import { compileRoutes } from '../../src/core/routes.ts';
import { loaded, problems, warnings } from './support.ts';

const route = (more: string): string => `routes:\n- { name: a, match: { path: /* }, upstream: "http://u", ${more} }\n`;
const refusal = (more: string): string[] =>
  problems({ yaml: route(more) }).map((problem) => problem.replace(/^tessera\.yaml:2:\d+ routes\[0\]\.?/, ''));
const requirementOf = (more: string) =>
  compileRoutes(loaded({ yaml: route(more) }).routes, { workspace: 'ws_1' }).routes[0]?.requirement;

const MILLION = 'must be a whole number from 1 to 1000000';
const NEVER = "is less than the route's cost: no request could ever pass";

test('what counts, with every default', () => {
  const more = 'quotas: [{ limit: 9, period: day }], concurrency: [{ limit: 2 }, { limit: 5, by: route }], cost: 2';
  expect(requirementOf(more)).toMatchObject({
    quotas: [{ key: 'route:a:quota-day', name: 'quota-day', limit: 9, by: 'token', onFault: 'closed' }],
    concurrency: [
      { key: 'route:a:at-once:at-once-by-token', name: 'at-once-by-token', limit: 2, by: 'token', onFault: 'closed' },
      { name: 'at-once-by-route', limit: 5, by: 'route' },
    ],
    shadow: undefined,
  });
});

test('the short form of one quota keeps its counter', () => {
  expect(requirementOf('quota: { limit: 9, period: month }')?.quotas).toMatchObject([
    { key: 'route:a:quota', name: 'quota' },
  ]);
});

test('what is in shadow mode is asked in the shadow, and nowhere else', () => {
  const more = `require: { api: https://a.test, scopes: [s], mode: shadow }, ip: { deny: [192.0.2.1], mode: shadow },
    limits: [{ limit: 1, window: 1, mode: shadow }, { limit: 2, window: 1 }],
    quotas: [{ limit: 1, period: day, mode: shadow }], concurrency: [{ limit: 1, mode: shadow }]`;
  const asked = requirementOf(more);
  expect(asked).toMatchObject({
    workspace: 'ws_1',
    audience: undefined,
    scopes: [],
    addresses: [],
    limits: [{ limit: 2 }],
    quotas: [],
    concurrency: [],
    shadow: { workspace: undefined, audience: 'https://a.test', scopes: ['s'], limits: [{ limit: 1 }] },
  });
  expect(asked?.shadow?.addresses).toHaveLength(1);
});

test('a certificate that is required is a proof, and not tried out', () => {
  const [asked] = compileRoutes(
    [
      {
        name: 'a',
        match: { path: '/*' },
        require: { clientCertificate: true, mode: 'shadow' },
        upstream: { targets: [{ url: 'http://u.test' }] },
      },
    ],
    { workspace: 'ws_1' },
  ).routes;
  expect(asked?.requirement.clientCertificate).toBe(true);
});

describe('refused', () => {
  test.each([
    ['cost: 0', `cost: ${MILLION}`],
    ['cost: -1', `cost: ${MILLION}`],
    ['cost: 1.5', `cost: ${MILLION}`],
    ['cost: 1e308', `cost: ${MILLION}`],
    ['cost: .nan', `cost: ${MILLION}`],
    ['cost: "1"', `cost: ${MILLION}`],
    ['limits: [{ limit: 5, window: 1, cost: 1e308 }]', `limits[0].cost: ${MILLION}`],
    [
      'cost: 3, limits: [{ limit: 5, window: 1, cost: 2 }]',
      "limits[0].cost: times the route's cost is more than the burst: no request could ever pass",
    ],
    ['cost: 3, quota: { limit: 2, period: day }', `quota.limit: ${NEVER}`],
    ['cost: 3, quotas: [{ limit: 2, period: day }]', `quotas[0].limit: ${NEVER}`],
    [
      'quota: { limit: 1, period: day }, quotas: [{ limit: 1, period: month }]',
      'quota: must not be given together with quotas',
    ],
    [
      'quotas: [{ limit: 1, period: day }, { limit: 2, period: day, by: owner }]',
      'quotas[1]: is called quota-day, as [0] is: give it a name of its own',
    ],
    [
      'limits: [{ limit: 1, window: 1 }, { limit: 1, window: 1, by: owner }]',
      'limits[1]: is called 1-per-1s, as [0] is: give it a name of its own',
    ],
    [
      'concurrency: [{ limit: 1 }, { limit: 2 }]',
      'concurrency[1]: is called at-once-by-token, as [0] is: give it a name of its own',
    ],
    ['concurrency: [{ limit: 0 }]', `concurrency[0].limit: ${MILLION}`],
    ['concurrency: [{ limit: 1, by: user }]', 'concurrency[0].by: must be one of token, owner, api, address, route'],
    ['quotas: [{ limit: 1, period: day, by: route }]', 'quotas[0].by: must be one of token, owner, api, address'],
    ['quotas: [{ limit: 1, period: day, onFault: pass }]', 'quotas[0].onFault: must be one of closed, open, local'],
    ['refund: always', 'refund: must be one of upstream-failure, server-errors, never'],
    ['mode: off', 'mode: must be one of enforce, shadow'],
    ['require: { mode: open }', 'require.mode: must be one of enforce, shadow'],
  ])('%s', (more, problem) => {
    expect(refusal(more)).toEqual([problem]);
  });
});

test('a route in shadow mode is warned of by name, at its line', () => {
  expect(warnings({ yaml: route('mode: shadow') })).toEqual([
    'tessera.yaml:2:57 routes[0].mode: is shadow: route a refuses nobody; whoever asks, with any token or none, reaches its upstream',
  ]);
  expect(warnings({ yaml: route('mode: enforce') })).toEqual([]);
});

/** The `routes:` part: what a route may say, what it means when it says nothing, and how it is refused. */
import { describe, expect, test } from 'vitest';
import { compileRoutes } from '../../src/core/routes.ts';
import { CWD, loaded, problems } from './support.ts';

const route = (more: string): string => `routes:\n- { name: a, match: { path: /* }, upstream: "http://u", ${more} }\n`;
const refusal = (more: string): string[] =>
  problems({ yaml: route(more) }).map((problem) => problem.replace(/^tessera\.yaml:2:\d+ routes\[0\]\.?/, ''));

const TARGET = { weight: 1, maxConcurrent: 1024 };
const UPSTREAM = {
  balance: 'round-robin',
  eject: { failures: 5, for: 1, longest: 30, maxShare: 50, ramp: 10, status: [502, 503, 504] },
  timeouts: { connect: 5, response: 60, idle: 300 },
  retries: 1,
};

test('the shortest route, with every default', () => {
  const yaml = 'routes:\n  - name: all\n    match: { path: /* }\n    upstream: http://127.0.0.1:9000\n';
  expect(loaded({ yaml }).routes).toEqual([
    {
      name: 'all',
      match: { path: '/*' },
      require: { scopes: [], kinds: [], roles: [], clientCertificate: false, mode: 'enforce' },
      concurrency: [],
      cost: 1,
      refund: 'upstream-failure',
      mode: 'enforce',
      credential: { strip: true },
      limits: [],
      transform: { request: { set: {}, remove: [] }, response: { set: {}, remove: [] } },
      upstream: { ...UPSTREAM, targets: [{ url: 'http://127.0.0.1:9000', ...TARGET }] },
    },
  ]);
});

test('a route that says everything', () => {
  const yaml = `routes:
  - name: orders
    workspace: ws_1
    match: { host: API.example.test, path: /orders/*, methods: [GET, POST] }
    require: { api: https://api.example.test, scopes: ["orders:read"], env: live, kinds: [api_key], roles: [ops] }
    credential: { strip: false }
    limits:
      - { name: steady, limit: 100, window: 1m, mode: approximate, by: address }
      - { limit: 10, window: 1, burst: 20, cost: 2 }
    quota: { limit: 1000, period: day }
    ip: { allow: [10.0.0.0/8], deny: ["2001:db8::1"] }
    transform: { request: { set: { X-From: gateway }, remove: [Cookie] }, response: { remove: [Server] } }
    upstream: { targets: [{ url: "http://127.0.0.1:9000/" }, { url: "HTTPS://b.example:443", weight: 3 }] }
`;
  expect(loaded({ yaml }).routes).toEqual([
    {
      name: 'orders',
      workspace: 'ws_1',
      match: { host: 'api.example.test', path: '/orders/*', methods: ['GET', 'POST'] },
      require: {
        api: 'https://api.example.test',
        scopes: ['orders:read'],
        env: 'live',
        kinds: ['api_key'],
        roles: ['ops'],
        clientCertificate: false,
        mode: 'enforce',
      },
      concurrency: [],
      cost: 1,
      refund: 'upstream-failure',
      mode: 'enforce',
      credential: { strip: false },
      limits: [
        {
          name: 'steady',
          limit: 100,
          window: 60,
          burst: 100,
          cost: 1,
          mode: 'approximate',
          by: 'address',
          onFault: 'closed',
        },
        { limit: 10, window: 1, burst: 20, cost: 2, mode: 'exact', by: 'token', onFault: 'closed' },
      ],
      quota: { limit: 1000, period: 'day', by: 'token', mode: 'enforce', onFault: 'closed' },
      ip: { allow: ['10.0.0.0/8'], deny: ['2001:db8::1'], mode: 'enforce' },
      transform: {
        request: { set: { 'X-From': 'gateway' }, remove: ['Cookie'] },
        response: { set: {}, remove: ['Server'] },
      },
      upstream: {
        ...UPSTREAM,
        targets: [
          { url: 'http://127.0.0.1:9000', ...TARGET },
          { url: 'https://b.example', ...TARGET, weight: 3 },
        ],
      },
    },
  ]);
});

test('what is missing, empty or unknown', () => {
  expect(problems({ yaml: 'routes:\n  - workspace: w\n    limits:\n    rate_limti: []\n    match: {}\n' })).toEqual([
    'tessera.yaml:2:5 routes[0].name: is required',
    'tessera.yaml:2:5 routes[0].upstream: is required',
    'tessera.yaml:3:5 routes[0].limits: has no value',
    'tessera.yaml:4:5 routes[0].rate_limti: unknown setting "rate_limti"; did you mean "limits"?',
    'tessera.yaml:5:5 routes[0].match.path: is required',
  ]);
});

test('names are unique, also where a route has problems of its own', () => {
  const yaml = 'routes:\n- { name: a }\n- { name: a, match: { path: /a }, upstream: "http://u" }\n';
  expect(problems({ yaml })).toEqual([
    'tessera.yaml:2:3 routes[0].match: is required',
    'tessera.yaml:2:3 routes[0].upstream: is required',
    'tessera.yaml:3:5 routes[1].name: repeats the name of [0]',
  ]);
});

describe('match', () => {
  const PATH =
    'match.path: must be a path such as /orders or /orders/*: plain segments, without "..", "//", "%" and ";"';
  const of = (path: string): string => `routes: [{ name: a, match: { path: "${path}" }, upstream: "http://u" }]`;

  test.each(['/', '/*', '/a', '/a/', '/a/*', '/a.b/c-d_e~f/@x:y/*'])('path %s', (path) => {
    expect(loaded({ yaml: of(path) }).routes[0]?.match.path).toBe(path);
  });

  test.each([
    '',
    'a',
    '*',
    '//',
    '/a//b',
    '/a/../b',
    '/a/./b',
    '/.',
    '/..',
    '/a%2fb',
    '/a*',
    '/*/a',
    '/a?b',
    '/a#b',
    '/a;b',
    '/a\\\\b',
    '/ä',
    '/a b',
    `/${'a'.repeat(1024)}`,
  ])('no path: %s', (path) => {
    expect(problems({ yaml: of(path) })[0]).toMatch(/^tessera\.yaml:1:\d+ routes\[0\]\./);
    expect(problems({ yaml: of(path) })[0]).toContain(PATH);
  });

  test.each(['api.example.test.', 'api.example.test:80', '*.example.test', 'a_b', '-a', 'a-', ''])(
    'no host: "%s"',
    (host) => {
      const yaml = `routes: [{ name: a, match: { path: /, host: "${host}" }, upstream: "http://u" }]`;
      expect(problems({ yaml })[0]).toContain('match.host: must be a host name, without port and trailing dot');
    },
  );

  test.each(['get', 'CONNECT', 'TRACE', 'G T'])('no method: %s', (method) => {
    const yaml = `routes: [{ name: a, match: { path: /, methods: ["${method}"] }, upstream: "http://u" }]`;
    expect(problems({ yaml })[0]).toContain(
      'match.methods[0]: must be a method in capitals, such as GET; CONNECT and TRACE are never forwarded',
    );
  });
});

test.each([
  ['require: { env: prod }', 'require.env: must be one of live, test'],
  [
    'require: { kinds: [apikey] }',
    'require.kinds[0]: must be one of api_key, personal_access_token, access_token, refresh_token, session',
  ],
  [
    'require: { scopes: ["a b"] }',
    'require.scopes[0]: must be a scope: visible ASCII without spaces, quotes and backslashes',
  ],
  ['require: { scopes: [a, a] }', 'require.scopes[1]: repeats the scope of [0]'],
  ['require: { scope: [a] }', 'require.scope: unknown setting "scope"; did you mean "scopes"?'],
  ['require: { roles: ops }', 'require.roles: must be a list of roles'],
  ['credential: { strip: no }', 'credential.strip: must be true or false'],
  ['limits: [{ limit: 0, window: 1 }]', 'limits[0].limit: must be a whole number from 1 to 1000000'],
  ['limits: [{ limit: 1000001, window: 1 }]', 'limits[0].limit: must be a whole number from 1 to 1000000'],
  ['limits: [{ limit: 1.5, window: 1 }]', 'limits[0].limit: must be a whole number from 1 to 1000000'],
  [
    'limits: [{ limit: 1, window: 0 }]',
    'limits[0].window: must be a duration from 1 to 2678400 seconds, such as 30, "15m", "90d" or "PT1H"',
  ],
  [
    'limits: [{ limit: 1, window: 32d }]',
    'limits[0].window: must be a duration from 1 to 2678400 seconds, such as 30, "15m", "90d" or "PT1H"',
  ],
  ['limits: [{ limit: 1, window: 1, burst: 0 }]', 'limits[0].burst: must be a whole number from 1 to 1000000'],
  ['limits: [{ limit: 1, window: 1, cost: 2 }]', 'limits[0].cost: is more than the burst: no request could ever pass'],
  ['limits: [{ limit: 1, window: 1, name: A }]', 'limits[0].name: must be 1 to 64 of a-z, 0-9, _ and -'],
  [
    'limits: [{ limit: 1, window: 1, name: n }, { limit: 2, window: 1, name: n }]',
    'limits[1].name: repeats the name of [0]',
  ],
  ['limits: [{ limit: 1, window: 1, mode: rough }]', 'limits[0].mode: must be one of exact, approximate, shadow'],
  ['limits: [{ limit: 1, window: 1, by: ip }]', 'limits[0].by: must be one of token, owner, api, address'],
  ['quota: { limit: 1, period: week }', 'quota.period: must be one of day, month'],
  ['ip: { allow: [] }', 'ip.allow: must name a range; without "allow" every address may come'],
  [
    'ip: { deny: [10.0.0.0/33] }',
    'ip.deny[0]: must be an address, a CIDR range such as 10.0.0.0/8, or a host name such as office.example.com',
  ],
  ['workspace: "a b"', 'workspace: must be the id of a workspace'],
])('%s', (more, problem) => {
  expect(refusal(more)).toEqual([problem]);
});

describe('header changes', () => {
  test.each([
    ['set: { X-Tessera-Owner: me }', 'set.X-Tessera-Owner: is reserved: only the gateway writes X-Tessera-* headers'],
    ['set: { x_tessera.owner: me }', 'set.x_tessera.owner: is reserved: only the gateway writes X-Tessera-* headers'],
    ['remove: [X-TESSERA-SCOPES]', 'remove[0]: is reserved: only the gateway writes X-Tessera-* headers'],
    ['set: { Content-Length: "5" }', 'set.Content-Length: belongs to the connection and cannot be changed by a route'],
    ['set: { Host: x }', 'set.Host: belongs to the connection and cannot be changed by a route'],
    ['remove: [transfer-encoding]', 'remove[0]: belongs to the connection and cannot be changed by a route'],
    ['set: { "a b": x }', "set.(not shown): must be a header name: letters, digits and !#$%&'*+-.^_`|~"],
    [
      'set: { A: "x\\r\\ny: 1" }',
      'set.A: must be visible ASCII text, without line breaks and without spaces at its ends',
    ],
    ['set: { A: "x\\0" }', 'set.A: must be visible ASCII text, without line breaks and without spaces at its ends'],
    ['set: { A: " x" }', 'set.A: must be visible ASCII text, without line breaks and without spaces at its ends'],
    ['set: { A: x, a: y }', 'set.a: is set twice'],
    ['set: { A: x }, remove: [a]', 'remove[0]: is set and removed'],
  ])('%s', (change, problem) => {
    for (const way of ['request', 'response']) {
      expect(refusal(`transform: { ${way}: { ${change} } }`)).toEqual([`transform.${way}.${problem}`]);
    }
  });

  test('an empty value and a value with a tab are values', () => {
    const { routes } = loaded({ yaml: route('transform: { request: { set: { A: "", B: "x\\ty" } } }') });
    expect(routes[0]?.transform.request.set).toEqual({ A: '', B: 'x\ty' });
  });
});

describe('upstream', () => {
  const ORIGIN = 'must be an http or https origin such as http://127.0.0.1:9000, without path, query and user';

  test.each([
    'http://u/x',
    'http://u?x',
    'http://u#x',
    'http://u?',
    'http://u:p@h',
    'http://@evil',
    'ftp://u',
    'u:80',
    '//u',
    'http://',
    'http://u:0',
    'http://u:99999',
    'http:\\\\\\\\u',
    'http://u\\tv',
    'http://u /',
    '5',
  ])('refused: %s', (url) => {
    const yaml = `routes: [{ name: a, match: { path: / }, upstream: "${url}" }]`;
    expect(problems({ yaml })).toEqual([`tessera.yaml:1:41 routes[0].upstream: ${ORIGIN}`]);
    const target = `routes: [{ name: a, match: { path: / }, upstream: { targets: [{ url: "${url}" }] } }]`;
    expect(problems({ yaml: target })).toEqual([`tessera.yaml:1:65 routes[0].upstream.targets[0].url: ${ORIGIN}`]);
  });

  test('targets have weights from 1, and no repeats', () => {
    const yaml =
      'routes: [{ name: a, match: { path: / }, upstream: { targets: [{ url: "http://u", weight: 0 }, { url: "http://u" }] } }]';
    expect(problems({ yaml }).map((problem) => problem.replace(/^.*targets/, ''))).toEqual([
      '[0].weight: must be a whole number from 1 to 1000',
      '[1].url: repeats the url of [0]',
    ]);
  });
});

describe('an assertion', () => {
  const asks = (identity: string) => refusal(`identity: ${identity}`);

  test.each(['{ assertion: true }', '{ assertion: { audience: x } }'])(
    '%s may be signed by a key of a file',
    (identity) => {
      const env = { TESSERA_ASSERTION_KEY: 'keys/a.pem' };
      expect(loaded({ yaml: route(`identity: ${identity}`), env }).assertionKey).toBe(`${CWD}/keys/a.pem`);
    },
  );

  test.each([
    ['{ assertion: yes }', 'identity.assertion: must be true, false or a mapping with an audience'],
    ['{ assertion: { audience: "" } }', 'identity.assertion.audience: must be 1 to 512 characters of visible ASCII'],
    ['{ assertion: { audience: "a b" } }', 'identity.assertion.audience: must be 1 to 512 characters of visible ASCII'],
    ['{ assertions: true }', 'identity.assertions: unknown setting "assertions"; did you mean "assertion"?'],
  ])('%s is refused', (identity, message) => {
    expect(asks(identity)).toEqual([message]);
  });
});

describe('two routes that take the same requests are refused, at the later one', () => {
  const both = (first: string, second: string): string =>
    `routes:\n- { name: a, match: { ${first} }, upstream: "http://u" }\n- { name: b, match: { ${second} }, upstream: "http://u" }\n`;
  test.each([
    ['path: /a', 'path: /a'],
    ['path: /a/*', 'path: /a/*'],
    ['path: /a, methods: [GET, PUT]', 'path: /a, methods: [POST, PUT]'],
    ['path: /a, host: API.example.test', 'path: /a, host: api.example.test'],
  ])('%s and %s', (first, second) => {
    expect(problems({ yaml: both(first, second) })).toEqual([
      'tessera.yaml:3:14 routes[1].match: takes requests that [0] takes: give one of them another host, path or methods',
    ]);
  });

  test.each([
    ['path: /a', 'path: /a/*'],
    ['path: /a', 'path: /a, methods: [GET]'],
    ['path: /a, methods: [GET]', 'path: /a, methods: [PUT]'],
    ['path: /a', 'path: /a, host: api.example.test'],
  ])('but not %s and %s, and what is accepted here can be compiled', (first, second) => {
    const { routes } = loaded({ yaml: both(first, second) });
    expect(compileRoutes(routes, { workspace: 'ws_1' }).routes).toHaveLength(2);
  });
});

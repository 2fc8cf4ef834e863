/** What a route changes, bounds and lets pages do: what is accepted, and how the rest is refused. */
import { describe, expect, test } from 'vitest';
import { loaded, problems } from './support.ts';

const route = (more: string): string => `routes:\n- { name: a, match: { path: /* }, upstream: "http://u", ${more} }\n`;
const refusal = (more: string): string[] =>
  problems({ yaml: route(more) }).map((problem) => problem.replace(/^tessera\.yaml:2:\d+ routes\[0\]\.?/, ''));

describe('transform', () => {
  const named = (name: string): string => `\${${name}}`;
  const PLACEHOLDER = `knows ${['token.id', 'owner.id', 'request.id'].map(named).join(', ')}, and no other placeholder`;
  const PATH = 'must be a path such as /v2: plain segments, without "..", "//", "%", ";" and "?"';
  const request = (members: string, path = '/orders/*'): string =>
    `routes:\n- { name: a, match: { path: "${path}" }, upstream: "http://u", transform: { request: { ${members} } } }\n`;
  const refused = (members: string): string[] =>
    problems({ yaml: request(members) }).map((problem) =>
      problem.replace(/^tessera\.yaml:2:\d+ routes\[0\]\.transform\.request\.?/, ''),
    );

  test('rewrites path and query', () => {
    const yaml = request(
      `path: { strip: /orders, prefix: /v2/ }, query: { set: { a.b: "${named('owner.id')} é" }, remove: [c] }`,
    );
    expect(loaded({ yaml }).routes[0]?.transform.request).toEqual({
      set: {},
      remove: [],
      path: { strip: '/orders', prefix: '/v2/' },
      query: { set: { 'a.b': `${named('owner.id')} é` }, remove: ['c'] },
    });
  });

  test.each([
    ['path: { strip: /ord }', 'path.strip: is not what every path of /orders/* starts with'],
    ['path: { strip: /orders/x }', 'path.strip: is not what every path of /orders/* starts with'],
    ['path: { strip: /orders, replace: /x }', 'path.replace: leaves nothing to strip and to prefix'],
    ['path: { prefix: v2 }', `path.prefix: ${PATH}`],
    ['path: { prefix: "/a/../b" }', `path.prefix: ${PATH}`],
    ['path: { prefix: "//evil.test" }', `path.prefix: ${PATH}`],
    ['path: { prefix: "/a%2e" }', `path.prefix: ${PATH}`],
    ['path: { replace: "/a?b" }', `path.replace: ${PATH}`],
    ['path: { replace: "/a;b" }', `path.replace: ${PATH}`],
    ['path: { replace: "/a/*" }', `path.replace: ${PATH}`],
    [
      'query: { set: { "a[]": x } }',
      'query.set.(not shown): must be the name of a query parameter: letters, digits and ._~-',
    ],
    ['query: { set: { a: 1 } }', 'query.set.a: must be text of at most 4096 characters, without control characters'],
    ['query: { set: { a: x, A: y } }', 'query.set.A: is set twice'],
    ['query: { set: { a: x }, remove: [A] }', 'query.remove[0]: is set and removed'],
    [`query: { set: { a: "${named('token.secret')}" } }`, `query.set.a: ${PLACEHOLDER}`],
    [`set: { X-A: "${named('Owner.id')}" }`, `set.X-A: ${PLACEHOLDER}`],
    [`set: { X-A: "${named('owner.id').slice(0, -1)}" }`, 'set.X-A: has a placeholder without its end'],
  ])('%s', (members, message) => {
    expect(refused(members)).toEqual([message]);
  });

  test('placeholders are for requests', () => {
    expect(refusal(`transform: { response: { set: { X-A: "${named('token.id')}" } } }`)).toEqual([
      'transform.response.set.X-A: has a placeholder: those are for requests',
    ]);
  });
});

test('a credential is taken from the query where that is said, and nowhere else', () => {
  expect(loaded({ yaml: route('credential: { query: key }') }).routes[0]?.credential).toEqual({
    strip: true,
    query: 'key',
  });
  expect(refusal('credential: { query: "a b" }')).toEqual([
    'credential.query: must be the name of a query parameter: letters, digits, _ and -',
  ]);
  expect(refusal('credential: { query: true }')).toEqual([
    'credential.query: must be the name of a query parameter: letters, digits, _ and -',
  ]);
});

describe('cors', () => {
  const ORIGIN = 'must be an origin such as https://app.example.com, without path, or "*" for every origin';

  test('with every default; origins are written as browsers send them', () => {
    const yaml = route('cors: { origins: ["HTTPS://App.Example.com:443/", "http://localhost:5173"] }');
    expect(loaded({ yaml }).routes[0]?.cors).toEqual({
      origins: ['https://app.example.com', 'http://localhost:5173'],
      headers: [],
      exposeHeaders: [],
      credentials: false,
      maxAge: 600,
    });
  });

  test.each([
    ['{}', 'cors.origins: is required'],
    ['{ origins: [] }', 'cors.origins: must name an origin'],
    ['{ origins: ["null"] }', `cors.origins[0]: ${ORIGIN}`],
    ['{ origins: ["https://*.example.com"] }', `cors.origins[0]: ${ORIGIN}`],
    ['{ origins: ["https://a.test/x"] }', `cors.origins[0]: ${ORIGIN}`],
    ['{ origins: ["*", "https://a.test"] }', 'cors.origins: names "*" and others: "*" is every origin already'],
    [
      '{ origins: ["*"], credentials: true }',
      'cors.credentials: cannot be true for every origin: any page could act with the cookies of its visitor',
    ],
    ['{ origins: ["*"], headers: ["*"] }', 'cors.headers[0]: must be a header name: letters, digits, _ and -'],
    ['{ origins: ["*"], methods: [get] }', 'cors.methods[0]: must be a method in capitals, such as GET'],
    [
      '{ origins: ["*"], maxAge: 2d }',
      'cors.maxAge: must be a duration from 0 to 86400 seconds, such as 30, "15m", "90d" or "PT1H"',
    ],
  ])('%s', (cors, message) => {
    expect(refusal(`cors: ${cors}`)).toEqual([message]);
  });

  test('says it alone', () => {
    expect(
      refusal('cors: { origins: ["*"] }, transform: { response: { set: { access-control-allow-origin: "*" } } }'),
    ).toEqual(['transform.response.set.access-control-allow-origin: is written by the gateway, as `cors` says']);
  });
});

test('bounds of a route, and of all routes', () => {
  expect(loaded({ yaml: route('bounds: { maxBodyBytes: 0, requestTimeout: 30s }') }).routes[0]?.bounds).toEqual({
    maxBodyBytes: 0,
    requestTimeout: 30,
  });
  expect(loaded({ yaml: 'maxBodyBytes: 1048576\nrequestTimeoutSeconds: 1m\n' })).toMatchObject({
    maxBodyBytes: 1_048_576,
    requestTimeoutSeconds: 60,
  });
  expect(refusal('bounds: { maxBodyBytes: -1, requestTimeout: 0 }')).toEqual([
    'bounds.maxBodyBytes: must be a whole number from 0 to 1099511627776',
    'bounds.requestTimeout: must be a duration from 1 to 604800 seconds, such as 30, "15m", "90d" or "PT1H"',
  ]);
});

describe('address lists', () => {
  const ENTRY = 'must be an address, a CIDR range such as 10.0.0.0/8, or a host name such as office.example.com';

  test('hold host names, in lower case and without the dot at their end', () => {
    const yaml = route('ip: { allow: [Office.Example.com, proxy., 10.0.0.0/8, "::1"], deny: [a_b.x-y.test.] }');
    expect(loaded({ yaml }).routes[0]?.ip).toEqual({
      allow: ['office.example.com', 'proxy', '10.0.0.0/8', '::1'],
      deny: ['a_b.x-y.test'],
      mode: 'enforce',
    });
    expect(loaded({ env: { TESSERA_TRUSTED_PROXIES: 'lb.example.com,10.0.0.1' } }).trustedProxies).toEqual([
      'lb.example.com',
      '10.0.0.1',
    ]);
  });

  test.each([
    'loopback',
    'localhost',
    '10.0.0',
    '10.0.0.256',
    '1.2.3.4.5',
    '10.0.0.0/33',
    'a.test/24',
    'a..test',
    '.',
    '-a.test',
    'a-.test',
    'a.-b',
    '*.test',
    'a.123',
    'http://a.test',
    'a.test:80',
    'é.test',
    ' a.test',
    `${'a'.repeat(64)}.test`,
  ])('refuse %s', (entry) => {
    expect(refusal(`ip: { allow: ["${entry}"] }`)).toEqual([`ip.allow[0]: ${ENTRY}`]);
  });
});

/** Whatever framework a service is built on, the same request gets the same answer, and what is refused reaches no handler. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deny, type TokenFacts, type Verifier, verifierOver } from '../../src/index.ts';
import { portsOf, portsWith } from '../support/ports.ts';
import { OTHER_TOKEN, TOKEN } from '../support/tokens.ts';
import { type Answer, ask, type Question } from './support/ask.ts';
import { type CommonOptions, frameworks, type Service } from './support/services.ts';

const GOOD = `Authorization: Bearer ${TOKEN}`;
const CALLER = {
  id: 'tok_1',
  kind: 'api_key',
  name: 'build robot',
  workspace: { id: 'ws_1' },
  owner: { id: 'own_1', type: 'service', roles: ['deployer'] },
  api: { id: 'api_1', audience: 'https://api.example.test' },
  environment: 'live',
  scopes: ['orders:read', 'orders:write'],
};
const INVALID = 'Bearer error="invalid_token"';
const BAD = 'Bearer error="invalid_request"';

type Case = readonly [what: string, question: Question, status: number, code: string, challenge: string | undefined];
const refusals: readonly Case[] = [
  ['no credential', {}, 401, 'missing', 'Bearer'],
  ['a scheme that is not ours', { fields: ['Authorization: Basic eDp5'] }, 401, 'missing', 'Bearer'],
  ['an empty credential', { fields: ['Authorization: Bearer'] }, 400, 'invalid_request', BAD],
  ['an empty key', { fields: ['X-API-Key:'] }, 400, 'invalid_request', BAD],
  ['a text that is no token', { fields: ['X-API-Key: secret'] }, 401, 'invalid_token', INVALID],
  ['a token that nobody has', { fields: [`Authorization: Bearer ${OTHER_TOKEN}`] }, 401, 'invalid_token', INVALID],
  ['a letter in the other case', { fields: [`X-API-Key: ${TOKEN.toUpperCase()}`] }, 401, 'invalid_token', INVALID],
  ['the same token twice', { fields: [GOOD, GOOD] }, 400, 'duplicate_credentials', BAD],
  [
    'two tokens, the good one first',
    { fields: [GOOD, `authorization: bearer ${OTHER_TOKEN}`] },
    400,
    'duplicate_credentials',
    BAD,
  ],
  ['two keys', { fields: [`X-API-Key: ${TOKEN}`, `X-API-Key: ${TOKEN}`] }, 400, 'duplicate_credentials', BAD],
  ['two fields', { fields: [GOOD, `X-API-Key: ${TOKEN}`] }, 400, 'duplicate_credentials', BAD],
  ['one in the query alone', { path: `/orders?access_token=${TOKEN}` }, 401, 'missing', 'Bearer'],
  ['a second one in the query', { path: '/orders?access_token=x', fields: [GOOD] }, 400, 'duplicate_credentials', BAD],
  [
    'the same, spelled oddly',
    { path: '/orders?a=1&%61ccess%5Ftoken=x', fields: [GOOD] },
    400,
    'duplicate_credentials',
    BAD,
  ],
  ['a list in one field', { fields: [`Authorization: Bearer ${TOKEN},${TOKEN}`] }, 401, 'invalid_token', INVALID],
  ['two proofs', { fields: [GOOD, 'DPoP: a', 'DPoP: b'] }, 400, 'invalid_request', undefined],
  [
    'a token that is not bound, as if it were',
    { fields: [`Authorization: DPoP ${TOKEN}`] },
    401,
    'invalid_token',
    'Bearer error="invalid_token", DPoP algs="EdDSA ES256 PS256 RS256"',
  ],
];

describe.each(Object.entries(frameworks))('%s', (_, serve) => {
  const services: Service[] = [];
  const start = async (verifier: Verifier, options?: CommonOptions): Promise<Service> => {
    const service = await serve(verifier, options);
    services.push(service);
    return service;
  };
  const withFacts = (facts: Partial<TokenFacts>, options?: CommonOptions): Promise<Service> =>
    start(verifierOver(portsWith(facts)), options);
  let plain: Service;
  beforeAll(async () => {
    plain = await start(verifierOver(portsOf()), { scopes: ['orders:read'] });
  });
  afterAll(() => Promise.all(services.map((service) => service.close())));

  it.each([
    ['Authorization', GOOD],
    ['Authorization, in lower case', `authorization: bearer ${TOKEN}`],
    ['X-API-Key', `x-api-key: ${TOKEN}`],
  ])('a good token in %s reaches the handler, which hears whose it is and no more', async (_name, field) => {
    const { status, json } = await ask(plain.port, { fields: [field] });
    expect(status).toBe(200);
    expect(json).toEqual({ caller: { ...CALLER, expiresAt: expect.any(Number) } });
  });

  it.each(refusals)('%s: %o is %i %s', async (_what, question, status, code, challenge) => {
    const before = plain.reached();
    const answer = await ask(plain.port, question);
    expectProblem(answer, status, code);
    expect(answer.fields['www-authenticate']).toBe(challenge);
    expect(plain.reached()).toBe(before);
  });

  it('an answer to HEAD says the same without a body', async () => {
    const { status, fields, text } = await ask(plain.port, { method: 'HEAD' });
    expect([status, fields['www-authenticate'], text]).toEqual([401, 'Bearer', '']);
  });

  it('a scope that is missing is named, with all that are required', async () => {
    const service = await start(verifierOver(portsOf(), { scopes: ['orders:read'] }), { scopes: ['orders:delete'] });
    const answer = await ask(service.port, { fields: [GOOD] });
    expectProblem(answer, 403, 'insufficient_scope');
    expect(answer.json.detail).toBe('missing scope: orders:delete');
    expect(answer.fields['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", scope="orders:read orders:delete"',
    );
    expect(service.reached()).toBe(0);
  });

  it.each<[string, Partial<TokenFacts>]>([
    ['revoked', { revokedAt: 1 }],
    ['disabled', { enabled: false }],
    ['expired', { expiresAt: 1 }],
    ['of a suspended workspace', { workspace: { id: 'ws_1', enabled: false } }],
  ])('a token that is %s sounds as one that never was', async (_name, facts) => {
    const heard: string[] = [];
    const service = await withFacts(facts, { onDeny: ({ code, caller }) => heard.push(`${code} ${caller?.id}`) });
    const [known, unknown] = await Promise.all([
      ask(service.port, { fields: [GOOD, 'X-Request-Id: r'] }),
      ask(service.port, { fields: [`Authorization: Bearer ${OTHER_TOKEN}`, 'X-Request-Id: r'] }),
    ]);
    expect(known.text).toBe(unknown.text);
    expect({ ...known.fields, date: '' }).toEqual({ ...unknown.fields, date: '' });
    expect(service.reached()).toBe(0);
    // The service itself hears which it was.
    expect(heard).toContain('unknown undefined');
    expect(heard.filter((told) => told.endsWith(' tok_1'))).toHaveLength(1);
  });

  it.each<[string, CommonOptions, number, string]>([
    ['audience', { audience: 'https://other.example.test' }, 401, 'invalid_token'],
    ['environment', { environment: 'test' }, 401, 'invalid_token'],
    ['kind', { kinds: ['session'] }, 403, 'policy_denied'],
    ['role', { roles: ['admin'] }, 403, 'policy_denied'],
    ['address', { ip: { allow: ['192.0.2.0/24'] } }, 403, 'ip_denied'],
    ['key to be bound to', { proof: true }, 401, 'invalid_token'],
  ])('another %s than the route asks is refused', async (_name, options, status, code) => {
    const service = await start(verifierOver(portsOf()), options);
    expectProblem(await ask(service.port, { fields: [GOOD] }), status, code);
    expect(service.reached()).toBe(0);
  });

  it('limits are told with every answer, and when to come again with the refusal', async () => {
    const limits = [{ key: 'k', name: 'calls', limit: 2, windowSeconds: 60, burst: 2, cost: 1 }];
    const service = await withFacts({ limits });
    const told = async () => {
      const { status, fields } = await ask(service.port, { fields: [GOOD] });
      return [
        status,
        fields['x-ratelimit-remaining'],
        fields.ratelimit,
        fields['ratelimit-policy'],
        fields['retry-after'],
      ];
    };
    const policy = '"calls";q=2;w=60';
    expect(await told()).toEqual([200, '1', '"calls";r=1;t=60', policy, undefined]);
    expect(await told()).toEqual([200, '0', '"calls";r=0;t=60', policy, undefined]);
    expect(await told()).toEqual([429, '0', '"calls";r=0;t=60', policy, '60']);
    expect(service.reached()).toBe(2);
  });

  it('what a request costs is the route’s to say', async () => {
    const limits = [{ key: 'k', name: 'calls', limit: 10, windowSeconds: 60, burst: 10, cost: 1 }];
    const service = await withFacts({ limits }, { cost: 7 });
    expect((await ask(service.port, { fields: [GOOD] })).fields['x-ratelimit-remaining']).toBe('3');
    expect((await ask(service.port, { fields: [GOOD] })).status).toBe(429);
  });

  it('an answer to a key is private to caches, unless the service says what it is', async () => {
    const control = async (path: string, field: string) =>
      (await ask(plain.port, { path, fields: [field] })).fields['cache-control'];
    expect(await control('/orders', `X-API-Key: ${TOKEN}`)).toBe('private');
    expect(await control('/cached', `X-API-Key: ${TOKEN}`)).toBe('max-age=60');
    expect(await control('/orders', GOOD)).toBeUndefined();
  });

  it('the id of a request is kept where it is harmless', async () => {
    const id = async (...fields: string[]) => (await ask(plain.port, { fields })).fields['x-request-id'];
    expect(await id('X-Request-Id: abc-1')).toBe('abc-1');
    expect(await id(`X-Request-Id: ${TOKEN}`)).not.toContain(TOKEN);
    expect(await id('X-Request-Id: a', 'X-Request-Id: b')).toMatch(/^[0-9a-f]{16}-[0-9a-z]{8}$/);
  });

  const broken: readonly (readonly [string, Verifier['verify']])[] = [
    ['rejects', () => Promise.reject(new Error(`no: ${TOKEN}`))],
    [
      'throws',
      () => {
        throw new Error(`no: ${TOKEN}`);
      },
    ],
    ['answers nothing', () => undefined as never],
    ['cannot tell', () => deny('fault', { detail: `no: ${TOKEN}` })],
    ['cannot tell, later', async () => deny('fault')],
  ];
  it.each(broken)('a verifier that %s refuses, and says nothing of why', async (_name, verify) => {
    const service = await start({ ...verifierOver(portsOf()), verify });
    const answer = await ask(service.port, { fields: [GOOD] });
    expectProblem(answer, 503, 'fault');
    expect(answer.fields['retry-after']).toBe('1');
    expect(answer.text).not.toContain(TOKEN);
    expect(service.reached()).toBe(0);
  });

  it('a listener that throws changes no refusal', async () => {
    const service = await start(verifierOver(portsOf()), {
      onDeny: () => {
        throw new Error('listener');
      },
    });
    expectProblem(await ask(service.port), 401, 'missing');
  });

  it('lets what a request held go when it is over', async () => {
    let ended = 0;
    const allowed = verifierOver(portsOf());
    const service = await start({
      ...allowed,
      verify: async (presented, asked) => {
        const verdict = await allowed.verify(presented, asked);
        return verdict.valid ? { ...verdict, held: { end: () => (ended += 1) } } : verdict;
      },
    });
    await ask(service.port, { fields: [GOOD] });
    await expect.poll(() => ended).toBe(1);
  });
});

function expectProblem({ status, fields, json }: Answer, expected: number, code: string): void {
  expect([status, json.code]).toEqual([expected, code]);
  expect(json).toMatchObject({
    type: `urn:tessera:problem:${code}`,
    status: expected,
    requestId: fields['x-request-id'],
  });
  expect(fields).toMatchObject({
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
}

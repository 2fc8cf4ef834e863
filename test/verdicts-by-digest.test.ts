/** A verifier that sends a token's digest instead of its text gets the verdict that the text would get, exactly counted. */
import { createHash } from 'node:crypto';
import { generate } from '@tessera/token';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, newWorkspace, problemOf, together, type Verdict, type Workspace } from './support/call.ts';
import { proofKey } from './support/proofs.ts';
import { endServers, type Server, startServer } from './support/server.ts';

const digestOf = (text: string, algorithm = 'sha256'): string => createHash(algorithm).update(text).digest('base64url');

describe('a verdict by digest', () => {
  let server: Server;
  let workspace: Workspace;
  let admin: Caller;
  beforeAll(async () => {
    server = await startServer();
    workspace = await newWorkspace(server);
    ({ admin } = workspace);
  });
  afterAll(endServers);

  const byDigest = (digest: string, more: object = {}): Promise<Verdict> =>
    admin.do('verify.one', { body: { digest, ...more } });

  it('is that of the text: allowed, explained, lacking a scope, revoked, unknown', async () => {
    const { token, id } = await admin.mint({ scopes: ['a'] });
    for (const more of [
      {},
      { mode: 'explain' as const },
      { scopes: ['b'] },
      { audience: 'elsewhere' },
      { env: 'test' as const },
    ])
      expect(await byDigest(digestOf(token), more)).toEqual(await admin.verify(token, more));
    await admin.do('tokens.revoke', { id });
    expect(await byDigest(digestOf(token))).toEqual(await admin.verify(token));
    const nobody = generate({ prefix: 'tsr', environment: 'live' });
    expect(await byDigest(digestOf(nobody))).toEqual(await admin.verify(nobody));
    // Of a text it would be said that it is malformed; a digest has no shape to tell it by.
    expect((await byDigest(digestOf('no token at all'))).code).toBe('unknown');
  });

  it('is counted with those of the text: one limit, one quota', async () => {
    const { token } = await admin.mint({ limits: [{ limit: 6, window: 3600 }], quota: { limit: 10, period: 'day' } });
    const found = await together(20, (index) => (index % 2 ? byDigest(digestOf(token)) : admin.verify(token)));
    expect(found.filter(({ code }) => code === 'ok')).toHaveLength(6);
    expect(found.filter(({ code }) => code === 'rate_limited')).toHaveLength(14);
  });

  it('is given on imported tokens of either algorithm', async () => {
    const item = { name: 'x', scopes: [], prefix: 'old_' };
    const items = (['sha256', 'sha512'] as const).map((algorithm) => ({
      ...item,
      algorithm,
      digest: digestOf(`old_${algorithm}`, algorithm),
    }));
    await admin.do('tokens.import', { body: { items } });
    for (const { digest } of items) expect((await byDigest(digest)).code).toBe('ok');
  });

  it('takes a proof of possession that names the same digest, once, and no other', async () => {
    const key = await proofKey();
    const { token } = await admin.mint({ boundKey: key.thumbprint });
    const asked = { method: 'GET', host: 'api.example.test', path: '/orders' };
    const url = 'https://api.example.test/orders';
    const request = { method: 'GET', url };
    const proof = await key.prove(token, request);
    const other = await key.prove(generate({ prefix: 'tsr', environment: 'live' }), request);
    const digest = digestOf(token);
    const judged = async (headers: object): Promise<string> =>
      (await byDigest(digest, { request: { ...asked, headers } })).code;
    expect(await judged({})).toBe('proof_required');
    expect(await judged({ dpop: other })).toBe('proof_invalid');
    expect(await judged({ dpop: proof })).toBe('ok');
    expect(await judged({ dpop: proof })).toBe('replayed');
  });

  it('on a token of another workspace is that on one that nobody has', async () => {
    const other = await newWorkspace(server, 'other');
    const { token } = await other.admin.mint();
    const [known, unknown] = [digestOf(token), digestOf('nobody has it')];
    const answers = [known, unknown].map((digest) => admin.ask('verify.one', { body: { digest } }));
    const [first, second] = await Promise.all(answers);
    expect(first?.text).toBe(second?.text);
    expect(first?.text).toBe('{"valid":false,"code":"unknown"}');
  });

  it.each([
    ['neither', {}],
    ['both', { token: 'x', digest: 'A'.repeat(43) }],
  ])('is refused for a body with %s of the two', async (_what, body) => {
    const answer = await admin.ask('verify.one', { body });
    expect(problemOf(answer)).toMatchObject({
      status: 422,
      code: 'invalid_input',
      errors: [{ pointer: '/token', detail: 'must be given, or digest instead of it' }],
    });
  });

  it('is refused for a digest that is none', async () => {
    const answer = await admin.ask('verify.one', { body: { digest: 'ab'.repeat(32) } });
    expect(problemOf(answer)).toMatchObject({ status: 422, errors: [{ pointer: '/digest' }] });
  });
});

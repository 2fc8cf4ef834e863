/** A share of a limit is counted when it is given: what one verifier holds, nobody else can spend. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { aApi, type TestApi } from './support/api.ts';

interface Leased {
  readonly status: number;
  readonly code: string | undefined;
  readonly granted: number;
  readonly seconds: number;
  readonly retryAfterSeconds: number;
  readonly state: { readonly name: string; readonly limit: number; readonly remaining: number };
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url');
const LIMIT = { name: 'l', limit: 100, window: 60, mode: 'approximate' };

async function minted(api: TestApi, body: object = {}, headers = {}): Promise<{ id: string; token: string }> {
  const { status, json } = await api.call('POST', '/v1/tokens', {
    body: { name: 'x', scopes: ['a'], limits: [LIMIT], ...body },
    headers,
  });
  expect(status).toBe(201);
  return json;
}

async function lease(api: TestApi, token: string, body: object): Promise<Leased> {
  const { status, text } = await api.call('POST', '/v1/leases', {
    body: { digest: digestOf(token), limit: 'l', ...body },
  });
  return { status, ...(JSON.parse(text) as Omit<Leased, 'status'>) };
}

describe('a share of a limit', () => {
  it('is counted with every other request, half of what is left at most', async () => {
    const api = await aApi();
    const { token } = await minted(api);
    expect(await lease(api, token, { want: 10 })).toEqual({
      status: 200,
      granted: 10,
      seconds: 6,
      state: { name: 'l', limit: 100, remaining: 90, resetSeconds: 6 },
      retryAfterSeconds: 0,
    });
    expect(await lease(api, token, { want: 90 })).toMatchObject({ granted: 45, state: { remaining: 45 } });
    expect(await lease(api, token, { want: 44, atLeast: 44 })).toMatchObject({ granted: 44, state: { remaining: 1 } });
    const verify = async () => (await api.call('POST', '/v1/verify', { body: { token } })).json.code;
    expect(await verify()).toBe('ok');
    expect(await verify()).toBe('rate_limited');
    expect(await lease(api, token, { want: 50 })).toMatchObject({ status: 200, granted: 0, retryAfterSeconds: 1 });
    expect(await lease(api, token, { want: 50, atLeast: 20 })).toMatchObject({ granted: 0, retryAfterSeconds: 12 });
  });

  it('is counted in requests of what one costs', async () => {
    const api = await aApi();
    const { token } = await minted(api, { limits: [{ ...LIMIT, cost: 10 }] });
    expect(await lease(api, token, { want: 100 })).toMatchObject({ granted: 5, state: { remaining: 5 } });
  });

  it('taken by fifty at once is never more than there is', async () => {
    const api = await aApi();
    const { token } = await minted(api, { limits: [{ ...LIMIT, window: 86_400 }] });
    const all = await Promise.all(Array.from({ length: 50 }, () => lease(api, token, { want: 20 })));
    expect(all.reduce((sum, { granted }) => sum + granted, 0)).toBe(100);
    expect(all.at(-1)).toMatchObject({ granted: 0, state: { remaining: 0 } });
  });

  it.each([
    [1, 1],
    [19, 1],
    [60, 6],
    [3600, 10],
  ])('of a window of %d s ends after %d s', async (window, seconds) => {
    const api = await aApi();
    const { token } = await minted(api, { limits: [{ ...LIMIT, window }] });
    expect(await lease(api, token, { want: 1 })).toMatchObject({ granted: 1, seconds });
  });

  it('is not given of what only the server may count, or to a token that does not pass', async () => {
    const api = await aApi();
    const exact = await minted(api, { limits: [{ ...LIMIT, mode: 'exact' }] });
    const shadow = await minted(api, { limits: [{ ...LIMIT, mode: 'shadow' }] });
    const revoked = await minted(api);
    await api.call('POST', `/v1/tokens/${revoked.id}/revoke`, { body: {} });
    const refused = { status: 404, code: 'not_found' };
    for (const token of [exact.token, shadow.token, revoked.token, 'nobody has it'])
      expect(await lease(api, token, { want: 1 })).toMatchObject(refused);
    const other = await minted(api);
    expect(await lease(api, other.token, { want: 1, limit: 'another' })).toMatchObject(refused);
  });

  it('of a parent is taken by the name that the child has for it, and not given where two of a child have one', async () => {
    const api = await aApi();
    const parent = await minted(api);
    const child = await minted(api, { parent: parent.id, limits: [{ ...LIMIT, limit: 9 }] });
    expect(await lease(api, child.token, { want: 1 })).toMatchObject({ granted: 1, state: { limit: 9 } });
    const taken = await lease(api, child.token, { want: 40, limit: 'parent-l' });
    expect(taken).toMatchObject({ granted: 40, state: { name: 'parent-l', limit: 100, remaining: 60 } });
    const sly = await minted(api, { parent: parent.id, limits: [{ ...LIMIT, name: 'parent-l', limit: 1_000_000 }] });
    const refused = { status: 404, code: 'not_found' };
    expect(await lease(api, sly.token, { want: 1, limit: 'parent-l' })).toMatchObject(refused);
    expect(await lease(api, parent.token, { want: 1 })).toMatchObject({ state: { remaining: 59 } });
  });

  it('of a token of another workspace is refused with the words for one that nobody has', async () => {
    const api = await aApi();
    const created = await api.call('POST', '/v1/workspaces', { body: { name: 'other' } });
    const theirs = await minted(api, { scopes: [] }, { 'Tessera-Workspace': created.json.id });
    const [known, unknown] = [await lease(api, theirs.token, { want: 1 }), await lease(api, 'nobody', { want: 1 })];
    expect({ ...known, requestId: '' }).toEqual({ ...unknown, requestId: '' });
    expect(known.status).toBe(404);
  });

  it.each([
    ['nothing', { want: 0 }],
    ['more than any limit', { want: 1_000_001 }],
    ['a part of a request', { want: 1.5 }],
    ['less than it needs', { want: 2, atLeast: 3 }],
    ['it for no limit', { want: 1, limit: '' }],
  ])('is refused to whoever wants %s', async (_what, body) => {
    const api = await aApi();
    const { token } = await minted(api);
    expect(await lease(api, token, body)).toMatchObject({ status: 422, code: 'invalid_input' });
  });
});

/** A verifier that asks for facts at a position of the feed, and follows from there, judges as the server does and misses nothing. */
import { createHash } from 'node:crypto';
import { BlockList } from 'node:net';
import { generate } from '@tessera/token';
import { digestKey, factsFromWire, type TokenFacts } from '@tessera/verify';
import { describe, expect, it, vi } from 'vitest';
import type { Store } from '../../src/core/store-port.ts';
import { factsOf } from '../../src/core/tokens/facts.ts';
import { type Answered, aApi, type TestApi } from './support/api.ts';

interface LookedUp {
  readonly seq: number;
  readonly items: readonly { readonly digest: string; readonly facts: { readonly id: string } | null }[];
  readonly imports: readonly { readonly prefix: string; readonly algorithm: string }[];
}

const digestOf = (text: string, algorithm = 'sha256'): string => createHash(algorithm).update(text).digest('base64url');

async function minted(api: TestApi, body: object = {}, headers = {}): Promise<{ id: string; token: string }> {
  const { status, json } = await api.call('POST', '/v1/tokens', {
    body: { name: 'x', scopes: ['a'], ...body },
    headers,
  });
  expect(status).toBe(201);
  return json;
}

function ask(api: TestApi, digests: readonly string[], more = {}): Promise<Answered> {
  return api.call('POST', '/v1/lookups', { body: { digests }, ...more });
}

async function lookedUp(api: TestApi, digests: readonly string[], more = {}): Promise<LookedUp> {
  const { status, text } = await ask(api, digests, more);
  expect(status).toBe(200);
  return JSON.parse(text) as LookedUp;
}

describe('a look-up', () => {
  it('compiles no range: of thousands in the roles of a hundred tokens, which takes seconds, none is judged here', async () => {
    const api = await aApi();
    const { id, token } = await minted(api, { ip: { allow: ['10.0.0.0/8'], deny: ['10.1.0.0/16'] } });
    const compiled = vi.spyOn(BlockList.prototype, 'addSubnet');
    const { items } = await lookedUp(api, [digestOf(token)]);
    expect(items[0]?.facts).toMatchObject({ id, addresses: [{ allow: ['10.0.0.0/8'], deny: ['10.1.0.0/16'] }] });
    expect(compiled).not.toHaveBeenCalled();
    compiled.mockRestore();
    const { json } = await api.call('POST', '/v1/verify', { body: { token, request: { ip: '10.1.0.1' } } });
    expect(json.code).toBe('ip_denied');
  });

  it('answers for as many as fit into one answer, from the first on', async () => {
    const api = await aApi();
    const allow = Array.from({ length: 200 }, (_, at) => `10.0.${at}.0/24`);
    const roles: string[] = [];
    for (let at = 0; at < 20; at += 1) {
      const { status, json } = await api.call('POST', '/v1/roles', {
        body: { name: `role-${at}`, scopes: [], ip: { allow } },
      });
      expect(status).toBe(201);
      roles.push(json.id);
    }
    const { json: owner } = await api.call('POST', '/v1/owners', { body: { type: 'user', name: 'ana', roles } });
    const many = [];
    // Of 4,000 ranges each.
    for (let at = 0; at < 12; at += 1) many.push(await minted(api, { owner: owner.id, scopes: [] }));
    const digests = many.map(({ token }) => digestOf(token));
    const first = await lookedUp(api, digests);
    expect(first.items.map(({ digest }) => digest)).toEqual(digests.slice(0, 5));
    expect(first.items.map(({ facts }) => facts?.id)).toEqual(many.slice(0, 5).map(({ id }) => id));
    const rest = await lookedUp(api, digests.slice(9));
    expect(rest.items.map(({ facts }) => facts?.id)).toEqual(many.slice(9).map(({ id }) => id));
  });

  it('answers facts that a verifier decides by as the server does', async () => {
    const api = await aApi();
    const { id, token } = await minted(api, {
      limits: [{ limit: 5, window: 60, mode: 'approximate' }],
      quota: { limit: 9, period: 'day' },
      credits: { remaining: 3 },
      ip: { allow: ['10.0.0.0/8'] },
      expiresIn: 'never',
    });
    const { items, seq } = await lookedUp(api, [digestOf(token)]);
    expect(seq).toBe(await api.store.latestChange());
    const facts = factsFromWire(items[0]?.facts, digestKey(token));
    const context = await api.store.find(digestKey(token));
    const own = context && factsOf(context);
    const plain = (of: TokenFacts): object => ({
      ...of,
      addresses: of.addresses.map(({ label, lists }) => ({ label, lists })),
    });
    expect(facts.id).toBe(id);
    expect(plain(facts)).toEqual(own && plain(own));
    expect(facts.limits).toMatchObject([{ mode: 'approximate' }]);
  });

  it('answers in the order of the digests, with null for what nobody has, and tells no digest but those asked for', async () => {
    const api = await aApi();
    const [one, two] = [await minted(api), await minted(api)];
    const unknown = digestOf(generate({ prefix: 'tsr', environment: 'live' }));
    const { items } = await lookedUp(api, [digestOf(two.token), unknown, digestOf(one.token), unknown]);
    expect(items.map(({ facts }) => facts?.id)).toEqual([two.id, undefined, one.id, undefined]);
    expect(items.map(({ digest }) => digest)).toEqual([digestOf(two.token), unknown, digestOf(one.token), unknown]);
  });

  it('answers about a token of another workspace with the bytes of one that nobody has', async () => {
    const api = await aApi();
    const other = await api.call('POST', '/v1/workspaces', { body: { name: 'other' } });
    const headers = { 'Tessera-Workspace': other.json.id };
    const theirs = await minted(api, { scopes: [] }, headers);
    const unknown = digestOf('nobody has it');
    const known = await ask(api, [digestOf(theirs.token)]);
    const absent = await ask(api, [unknown]);
    expect(known.text.replaceAll(digestOf(theirs.token), unknown)).toBe(absent.text);
    expect((await lookedUp(api, [digestOf(theirs.token)], { headers })).items[0]?.facts?.id).toBe(theirs.id);
  });

  it('tells what imported tokens of its own workspace begin with, and finds those of both algorithms', async () => {
    const api = await aApi();
    const other = await api.call('POST', '/v1/workspaces', { body: { name: 'other' } });
    const headers = { 'Tessera-Workspace': other.json.id };
    const item = { name: 'x', scopes: [] };
    const short = { ...item, digest: digestOf('sk_short'), algorithm: 'sha256', prefix: 'sk_' };
    const long = { ...item, digest: digestOf('sk_long', 'sha512'), algorithm: 'sha512', prefix: 'sk_' };
    const theirs = { ...item, digest: digestOf('their_1'), algorithm: 'sha256', prefix: 'their_' };
    expect((await api.call('POST', '/v1/tokens/import', { body: { items: [short, long] } })).status).toBe(201);
    expect((await api.call('POST', '/v1/tokens/import', { body: { items: [theirs] }, headers })).status).toBe(201);
    const { items, imports } = await lookedUp(api, [short.digest, long.digest]);
    expect(items.map(({ facts }) => facts !== null)).toEqual([true, true]);
    expect(imports).toEqual([
      { prefix: 'sk_', algorithm: 'sha256' },
      { prefix: 'sk_', algorithm: 'sha512' },
    ]);
  });

  it.each([
    ['none', []],
    ['more than 100', Array.from({ length: 101 }, () => 'A'.repeat(43))],
    ['a text that is no digest', ['tsr_live_x']],
    ['a digest in another spelling', [`${'A'.repeat(42)}B`]],
    ['a digest in hex', ['ab'.repeat(32)]],
  ])('is refused for digests that are not: %s', async (_what, digests) => {
    const api = await aApi();
    const { status, json } = await ask(api, digests);
    expect({ status, code: json.code }).toEqual({ status: 422, code: 'invalid_input' });
  });
});

describe('facts at a position of the feed', () => {
  /** A store that lets something happen between its reads. */
  const between = (
    store: Store,
    happens: { after?: () => Promise<unknown>; before?: () => Promise<unknown> },
  ): Store => ({
    ...store,
    async latestChange() {
      const seq = await store.latestChange();
      const { after } = happens;
      delete happens.after;
      await after?.();
      return seq;
    },
    async find(digest) {
      const found = await store.find(digest);
      const { before } = happens;
      delete happens.before;
      await before?.();
      return found;
    },
  });

  const racing = async (when: 'after' | 'before') => {
    const happens: { after?: () => Promise<unknown>; before?: () => Promise<unknown> } = {};
    const api = await aApi({ store: (store) => between(store, happens) });
    const { id, token } = await minted(api);
    // The caller's own token is in memory now: the reads that follow are those of the look-up.
    await lookedUp(api, [digestOf(token)]);
    happens[when] = async () => {
      const { status } = await api.call('POST', `/v1/tokens/${id}/revoke`, { body: {} });
      expect(status).toBe(200);
    };
    const { items, seq } = await lookedUp(api, [digestOf(token)]);
    const { text } = await api.call('GET', `/v1/changes?since=${seq}`);
    const told = (JSON.parse(text) as { items: { kind: string; id: string }[] }).items;
    return { facts: factsFromWire(items[0]?.facts, digestKey(token)), told, id };
  };

  it('may hold a change that is told again: one that came after the position and before the facts', async () => {
    const { facts, told, id } = await racing('after');
    expect(facts.revokedAt).toBeTypeOf('number');
    expect(told).toMatchObject([{ kind: 'token.revoked', id }]);
  });

  it('never lack a change that is not told: one that came after the facts were read', async () => {
    const { facts, told, id } = await racing('before');
    expect(facts.revokedAt).toBeUndefined();
    expect(told).toMatchObject([{ kind: 'token.revoked', id }]);
  });

  it('are as of the store, also where this node has not heard of the change yet', async () => {
    const api = await aApi();
    const { id, token } = await minted(api);
    // In the memory of the node, which then stops hearing of anything.
    expect((await api.call('POST', '/v1/verify', { body: { token } })).json.code).toBe('ok');
    api.feed.stop();
    const now = api.clock.now();
    await api.store.write(async (tx) => {
      const found = await tx.token((await tx.workspaces({ limit: 1, before: undefined }))[0]?.id ?? '', id);
      if (found !== undefined)
        await tx.updateToken({ ...found.token, revokedAt: now, version: found.token.version + 1 });
    });
    const { items } = await lookedUp(api, [digestOf(token)]);
    expect(factsFromWire(items[0]?.facts, digestKey(token)).revokedAt).toBe(now);
  });
});

/** A signed token is judged by its claims as it would be by its row, without asking the store, until a change concerns it. */
import { type DigestKey, digestKey, type Requirement, requirement, type TokenFacts } from '@tessera/verify';
import { ownSigned } from '@tessera/verify/jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createApi, updateApi } from '../../../src/core/apis.ts';
import { factsCache } from '../../../src/core/facts-cache.ts';
import { createFeed } from '../../../src/core/feed.ts';
import { deleteKey, retireKey } from '../../../src/core/key-ring/ring.ts';
import { createOwner, deleteOwner, updateOwner } from '../../../src/core/owners.ts';
import { createRole } from '../../../src/core/roles.ts';
import { heldNotices } from '../../../src/core/signed/held-notices.ts';
import { ringKeys } from '../../../src/core/signed/ring-keys.ts';
import type { Store } from '../../../src/core/store-port.ts';
import { revokeToken, updateToken } from '../../../src/core/tokens/change.ts';
import { factsOf } from '../../../src/core/tokens/facts.ts';
import { type Minted, type MintInput, mint } from '../../../src/core/tokens/mint.ts';
import { rotate } from '../../../src/core/tokens/rotate.ts';
import { updateWorkspace } from '../../../src/core/workspaces.ts';
import { aPlatform, minter, NOW, type Platform, policy, secrets, signing } from '../support/platform.ts';

const ANYTHING: Requirement = requirement({});

interface Node {
  /** What it finds for a text now. */
  judged(text: string): Promise<TokenFacts | string>;
  /** Reads of the store by digest so far. */
  reads(): number;
}

/** What judges, over the store of the platform. */
async function aNode({ store, clock }: Platform): Promise<Node> {
  let reads = 0;
  const counted: Pick<Store, 'find' | 'importedPrefixes'> = {
    importedPrefixes: (workspace) => store.importedPrefixes(workspace),
    find(digest) {
      reads += 1;
      return store.find(digest);
    },
  };
  const feed = createFeed({ store, monotonic: () => performance.now(), boundMs: 60_000, onError: () => {} });
  const tokens = factsCache({ store: counted, feed, maxTokens: 100, onLookup: () => {} });
  const notices = heldNotices({
    store,
    feed,
    now: clock.now,
    onError: (error) => {
      throw error;
    },
  });
  await tokens.load();
  await feed.start();
  onTestFinished(() => feed.stop());
  await notices.load();
  const signed = ownSigned({ keys: ringKeys({ store, feed, secrets }), tokens, believes: notices.believes });
  return {
    async judged(text) {
      const digest = digestKey(text);
      return tokens.known(digest) ?? signed.find(text, { digest, requirement: ANYTHING, now: clock.now() });
    },
    reads: () => reads,
  };
}

async function minted(platform: Platform, input: Partial<MintInput> = {}): Promise<Minted> {
  const body: MintInput = { name: 'job', format: 'jwt', scopes: ['read'], expiresIn: 600, ...input };
  return platform.as(platform.root, (tx, call) => mint(tx, call, body, minter));
}

async function rowFacts(store: Store, digest: DigestKey): Promise<TokenFacts> {
  const context = await store.find(digest);
  if (context === undefined) throw new Error('no such token');
  return factsOf(context);
}

describe('the facts of a signed token', () => {
  it.each<[string, Partial<MintInput>]>([
    ['alone', {}],
    ['of an owner', { owner: 'the owner' }],
    ['of a client and a session', { client: 'app-1', session: 'ses-1' }],
    [
      'that waits for its time, and is bound to a key',
      {
        notBefore: new Date(NOW + 1500).toISOString(),
        boundKey: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
      },
    ],
    ['with a time between two seconds', { expiresIn: undefined, expiresAt: new Date(NOW + 90_500).toISOString() }],
    ['for tests, with no scope', { env: 'test', scopes: [] }],
  ])('%s are the same by its claims as by its row', async (_, input) => {
    const platform = await aPlatform();
    platform.clock.move(321);
    const owner = await platform.as(platform.root, (tx, call) =>
      createOwner(tx, call, { type: 'customer', name: 'Zoë' }),
    );
    const { text } = await minted(platform, { ...input, ...(input.owner !== undefined && { owner: owner.id }) });
    const node = await aNode(platform);
    expect(await node.judged(text)).toEqual(await rowFacts(platform.store, digestKey(text)));
    expect(node.reads()).toBe(0);
  });

  it('that descends from others are the same by its claims, where those hold it back by nothing', async () => {
    const platform = await aPlatform();
    const parent = await minted(platform, { format: 'opaque', scopes: ['read', 'write'], expiresIn: 3600 });
    const middle = await minted(platform, { format: 'opaque', parent: parent.token.id, expiresIn: 900 });
    const { text } = await minted(platform, { parent: middle.token.id });
    const node = await aNode(platform);
    const facts = await node.judged(text);
    expect(node.reads()).toBe(0);
    expect(facts).toEqual(await rowFacts(platform.store, digestKey(text)));
    expect(facts).toMatchObject({ parents: [middle.token.id, parent.token.id] });
    const { as, root, store } = platform;
    await as(root, (tx, call) => updateToken(tx, call, { id: parent.token.id, input: { scopes: [] }, policy }));
    // So that no notice has it asked for.
    platform.clock.move(1000);
    const narrowed = await minted(platform, { parent: middle.token.id });
    for (const one of [text, narrowed.text]) {
      expect(await node.judged(one)).toMatchObject({ scopes: [] });
      expect(await rowFacts(store, digestKey(one))).toMatchObject({ scopes: [] });
    }
  });

  it('of a client with the name of its parent are asked for: its claims name the parent where there is no client', async () => {
    const platform = await aPlatform();
    const parent = await minted(platform, { format: 'opaque', expiresIn: 3600 });
    const { text } = await minted(platform, { parent: parent.token.id, client: parent.token.id });
    const node = await aNode(platform);
    expect(await node.judged(text)).toMatchObject({ client: parent.token.id });
    expect(node.reads()).toBe(1);
  });

  it('are kept like any others', async () => {
    const platform = await aPlatform();
    const { text } = await minted(platform);
    const node = await aNode(platform);
    expect(await node.judged(text)).toBe(await node.judged(text));
  });

  it.each<[string, Partial<MintInput>]>([
    ['limits', { limits: [{ limit: 5, window: 60 }] }],
    ['a quota', { quota: { limit: 5, period: 'day' } }],
    ['address rules', { ip: { allow: ['192.0.2.0/24'] } }],
    ['credits', { credits: { remaining: 3 } }],
    ['an owner with roles', { owner: 'the owner' }],
  ])('with %s are asked for', async (_, input) => {
    const platform = await aPlatform();
    const owner = await platform.as(platform.root, async (tx, call) => {
      const role = await createRole(tx, call, { name: 'buyer', scopes: [] });
      return createOwner(tx, call, { type: 'user', name: 'Zoë', roles: [role.id] });
    });
    const { text } = await minted(platform, { ...input, ...(input.owner !== undefined && { owner: owner.id }) });
    const node = await aNode(platform);
    const { id } = await rowFacts(platform.store, digestKey(text));
    expect(await node.judged(text)).toMatchObject({ id });
    expect(node.reads()).toBe(1);
  });
});

type Step = (platform: Platform, of: { minted: Minted; owner: string; api: string }) => Promise<unknown>;

const CHANGES: readonly (readonly [string, Step, object | string])[] = [
  [
    'it is revoked',
    ({ as, root }, of) => as(root, (tx, call) => revokeToken(tx, call, of.minted.token.id, 'leaked')),
    { revokedAt: NOW },
  ],
  [
    'it is disabled',
    ({ as, root }, of) =>
      as(root, (tx, call) => updateToken(tx, call, { id: of.minted.token.id, input: { enabled: false }, policy })),
    { enabled: false },
  ],
  [
    'it may do less',
    ({ as, root }, of) =>
      as(root, (tx, call) => updateToken(tx, call, { id: of.minted.token.id, input: { scopes: [] }, policy })),
    { scopes: [] },
  ],
  [
    'it is rotated',
    ({ as, root }, of) => as(root, (tx, call) => rotate(tx, call, of.minted.token.id, { graceSeconds: 0, signing })),
    { secret: { state: 'retiring', until: 0 } },
  ],
  [
    'its owner is disabled',
    ({ as, root }, { owner: id }) => as(root, (tx, call) => updateOwner(tx, call, { id, input: { enabled: false } })),
    { owner: { enabled: false } },
  ],
  [
    'its owner gets a quota',
    ({ as, root }, { owner: id }) =>
      as(root, (tx, call) => updateOwner(tx, call, { id, input: { quota: { limit: 1, period: 'day' } } })),
    { quotas: [{ name: 'owner-quota-day' }] },
  ],
  [
    'its owner is deleted',
    ({ as, root }, { owner }) => as(root, (tx, call) => deleteOwner(tx, call, owner)),
    { revokedAt: NOW },
  ],
  [
    'its api defines less',
    ({ as, root }, { api: id }) => as(root, (tx, call) => updateApi(tx, call, { id, input: { scopes: {} } })),
    { scopes: [] },
  ],
  [
    'the workspace has another name',
    ({ as, root, workspace: id }) => as(root, (tx, call) => updateWorkspace(tx, call, { id, input: { name: 'New' } })),
    { workspace: { enabled: true } },
  ],
  [
    'its key is forgotten',
    ({ as, root, store, workspace }) =>
      as(root, async (tx, call) => {
        const active = (await store.liveKeys(workspace)).find(({ state }) => state === 'active');
        if (active === undefined) throw new Error('no key is active');
        await retireKey(tx, call, active.id);
        await deleteKey(tx, call, active.id);
      }),
    'signature_invalid',
  ],
];

describe('where something changes', () => {
  it.each(CHANGES)('because %s, every node judges by it at once', async (_, change, expected) => {
    const platform = await aPlatform();
    const { as, root } = platform;
    const owner = await as(root, (tx, call) => createOwner(tx, call, { type: 'service', name: 'shop' }));
    const api = await as(root, (tx, call) =>
      createApi(tx, call, { audience: 'https://carts.test', scopes: { read: '' } }),
    );
    const of = { minted: await minted(platform, { owner: owner.id, api: api.id }), owner: owner.id, api: api.id };
    const knows = await aNode(platform);
    const never = await aNode(platform);
    await knows.judged(of.minted.text);
    expect(knows.reads()).toBe(0);
    await change(platform, of);
    // One that had it in memory, one that never saw it, and one that starts now.
    for (const node of [knows, never, await aNode(platform)]) {
      const judged = await node.judged(of.minted.text);
      if (typeof expected === 'string') expect(judged).toBe(expected);
      else expect(judged).toMatchObject(expected);
    }
    if (typeof expected !== 'string') expect(never.reads()).toBe(1);
  });

  it.each([
    ['dir', 'EdDSA'],
    ['ECDH-ES+A256KW', 'ES256'],
  ] as const)('because its key is forgotten, one that is encrypted (%s) ends by its row', async (encryption, alg) => {
    const platform = await aPlatform();
    const { as, root, store, workspace } = platform;
    const jwt = { alg, encryption: { alg: encryption } };
    const api = await as(root, (tx, call) =>
      createApi(tx, call, { audience: 'https://carts.test', scopes: { read: '' }, jwt }),
    );
    const { text } = await minted(platform, { api: api.id });
    const knows = await aNode(platform);
    expect(await knows.judged(text)).toMatchObject({ secret: { state: 'active' } });
    const key = (await store.liveKeys(workspace)).find((one) => one.alg === alg && one.state === 'active')?.id ?? '';
    await as(root, (tx, call) => retireKey(tx, call, key));
    expect(await knows.judged(text)).toMatchObject({ secret: { state: 'active' } });
    await as(root, (tx, call) => deleteKey(tx, call, key));
    for (const node of [knows, await aNode(platform)])
      expect(await node.judged(text)).toMatchObject({ secret: { state: 'retiring', until: 0 } });
  });

  it('a text that is signed later is believed again, in the next second', async () => {
    const platform = await aPlatform();
    const { as, root, clock } = platform;
    const owner = await as(root, (tx, call) => createOwner(tx, call, { type: 'service', name: 'shop' }));
    await minted(platform, { owner: owner.id });
    const node = await aNode(platform);
    await as(root, (tx, call) => updateOwner(tx, call, { id: owner.id, input: { name: 'Shop' } }));
    const doubtful = await minted(platform, { owner: owner.id });
    clock.move(1000);
    const later = await minted(platform, { owner: owner.id });
    await node.judged(doubtful.text);
    expect(node.reads()).toBe(1);
    await node.judged(later.text);
    expect(node.reads()).toBe(1);
  });

  it('a text that was signed before is asked for, by whatever clock', async () => {
    const platform = await aPlatform();
    const { as, root, clock } = platform;
    const owner = await as(root, (tx, call) => createOwner(tx, call, { type: 'service', name: 'shop' }));
    clock.move(60_000);
    const { text } = await minted(platform, { owner: owner.id });
    const node = await aNode(platform);
    // The clock of who disables it is a minute behind that of who signed.
    clock.move(-60_000);
    await as(root, (tx, call) => updateOwner(tx, call, { id: owner.id, input: { enabled: false } }));
    expect(await node.judged(text)).toMatchObject({ owner: { enabled: false } });
  });

  it('a token that lives on by the clock of one node is revoked there, too, by another one for which it has ended', async () => {
    const platform = await aPlatform();
    const { as, root, clock } = platform;
    const { text, token } = await minted(platform, { expiresIn: 60 });
    const node = await aNode(platform);
    clock.move(90_000);
    await as(root, (tx, call) => revokeToken(tx, call, token.id, 'leaked'));
    clock.move(-50_000);
    for (const one of [node, await aNode(platform)])
      expect(await one.judged(text)).toMatchObject({ revokedAt: NOW + 90_000 });
  });

  it('a token that is made to end earlier does not come back, however long its text says', async () => {
    const platform = await aPlatform();
    const { as, root, clock } = platform;
    const { text, token } = await minted(platform);
    const end = NOW + 60_000;
    const input = { expiresAt: new Date(end).toISOString() };
    await as(root, (tx, call) => updateToken(tx, call, { id: token.id, input, policy }));
    clock.move(120_000);
    // What comes later finds no signed token that lives, and must not be needed.
    await as(root, (tx, call) => revokeToken(tx, call, token.id, 'leaked'));
    const node = await aNode(platform);
    expect(await node.judged(text)).toMatchObject({ expiresAt: end, revokedAt: NOW + 120_000 });
  });

  it('a token that a restored store does not have is unknown, whatever its text says', async () => {
    const platform = await aPlatform();
    const { store, tamper } = platform;
    await minted(platform);
    const kept = await store.latestChange();
    const { text, token } = await minted(platform);
    expect(await (await aNode(platform)).judged(text)).toMatchObject({ id: token.id });
    tamper(`delete from secrets where token = '${token.id}';
      delete from tokens where id = '${token.id}';
      delete from changes where seq > ${kept}`);
    const node = await aNode(platform);
    expect(await node.judged(text)).toBe('unknown');
  });

  it('nothing is a notice that concerns no signed token', async () => {
    const platform = await aPlatform();
    const { as, root, store, clock } = platform;
    const owner = await as(root, (tx, call) => createOwner(tx, call, { type: 'service', name: 'shop' }));
    await minted(platform);
    await minted(platform, { owner: owner.id, expiresIn: 5 });
    clock.move(66_000);
    await as(root, (tx, call) => updateOwner(tx, call, { id: owner.id, input: { enabled: false } }));
    expect(await store.notices(undefined, { until: 0, seq: 0, limit: 10 })).toEqual([]);
  });
});

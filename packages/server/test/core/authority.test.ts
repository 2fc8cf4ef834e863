/** Nobody makes or touches a management token that is wider, longer-lived, freer or another owner's than their own. */
import { digestKeyOf } from '@tessera/verify';
import { describe, expect, test } from 'vitest';
import type { Call } from '../../src/core/call.ts';
import type { Owner } from '../../src/core/model.ts';
import { createOwner, updateOwner } from '../../src/core/owners.ts';
import { createRole } from '../../src/core/roles.ts';
import { revokeToken, updateToken } from '../../src/core/tokens/change.ts';
import { importToken } from '../../src/core/tokens/import.ts';
import { type Minted, type MintInput, mint } from '../../src/core/tokens/mint.ts';
import { cancelRotation, rotate } from '../../src/core/tokens/rotate.ts';
import { aPlatform, DAY, minter, NOW, type Platform, policy, refusalOf, signing } from './support/platform.ts';

const NARROW = ['tokens:write', 'tokens:read', 'verify'];

function minting(platform: Platform, call: Call, input: Partial<MintInput>) {
  return platform.as(call, (tx, by) =>
    mint(tx, by, { name: 'new', scopes: ['verify'], api: 'tessera', ...input }, minter),
  );
}

/** Everything that would hand out a token's authority, its secret, or its end. */
const touches: readonly (readonly [string, (platform: Platform, call: Call, id: string) => Promise<unknown>])[] = [
  ['PATCH', ({ as }, call, id) => as(call, (tx, by) => updateToken(tx, by, { id, input: { name: 'x' }, policy }))],
  ['rotate', ({ as }, call, id) => as(call, (tx, by) => rotate(tx, by, id, { signing }))],
  ['cancel', ({ as }, call, id) => as(call, (tx, by) => cancelRotation(tx, by, id))],
  ['revoke', ({ as }, call, id) => as(call, (tx, by) => revokeToken(tx, by, id, undefined))],
];

async function anOwner(platform: Platform, roles: readonly string[] = []): Promise<Owner> {
  return platform.as(platform.root, (tx, by) => createOwner(tx, by, { type: 'user', name: 'Ana', roles: [...roles] }));
}

describe('a token that mints', () => {
  test.each([
    ['admin', { scopes: ['admin'] }, 'forbidden: your token does not hold the scope'],
    ['a scope beside its own', { scopes: ['audit:read'] }, 'forbidden: your token does not hold the scope audit:read'],
    ['root', { scopes: ['root'] }, 'is not a scope of this api'],
    ['without an end', { expiresIn: 'never' }, 'forbidden: a management token cannot outlive'],
    [
      'a second longer',
      { expiresAt: new Date(NOW + DAY + 1000).toISOString() },
      'forbidden: a management token cannot outlive',
    ],
  ] as const)('%s', async (_, input, words) => {
    const platform = await aPlatform();
    const caller = await platform.manager(NARROW, { expiresAt: NOW + DAY });
    expect(await refusalOf(minting(platform, caller, input as Partial<MintInput>))).toContain(words);
    const before = (await platform.store.auditHead(platform.workspace))?.seq;
    expect((await minting(platform, caller, {})).token.expiresAt).toBe(NOW + DAY);
    expect((await platform.store.auditHead(platform.workspace))?.seq).toBe((before ?? 0) + 1);
  });

  test('for another owner, but by admin', async () => {
    const platform = await aPlatform();
    const owner = await anOwner(platform);
    const other = await anOwner(platform);
    const caller = await platform.manager(NARROW, { owner: owner.id });
    expect(await refusalOf(minting(platform, caller, { owner: other.id }))).toContain('only admin handles');
    expect((await minting(platform, caller, {})).token.owner).toBe(owner.id);
    const admin = await platform.manager(['admin']);
    expect((await minting(platform, admin, { owner: other.id })).token.owner).toBe(other.id);
  });

  test('for any other api of its workspace: tokens:write suffices', async () => {
    const platform = await aPlatform();
    const caller = await platform.manager(NARROW, { expiresAt: NOW + DAY, ip: { allow: ['10.0.0.0/8'] } });
    const { token } = await minting(platform, caller, { api: 'default', scopes: ['anything'], expiresIn: 'never' });
    expect(token).toMatchObject({ scopes: ['anything'], expiresAt: null, ip: {} });
  });

  test('by import, just the same', async () => {
    const platform = await aPlatform();
    const caller = await platform.manager(NARROW);
    const item = { name: 'old', algorithm: 'sha256', prefix: 'sk_', digest: 'ab'.repeat(32), api: 'tessera' } as const;
    const importing = (scopes: string[]) =>
      platform.as(caller, (tx, by) => importToken(tx, by, { item: { ...item, scopes }, policy }));
    expect(await refusalOf(importing(['admin']))).toContain('your token does not hold the scope');
    expect((await importing(['verify'])).token.scopes).toEqual(['verify']);
  });
});

describe('what holds a token back is handed down', () => {
  const allow = { allow: ['10.0.0.0/8'], deny: ['10.1.0.0/16'] };

  test('address rules: inherited, kept the same, never lifted', async () => {
    const platform = await aPlatform();
    const caller = await platform.manager(NARROW, { ip: allow });
    expect((await minting(platform, caller, {})).token.ip).toEqual(allow);
    expect((await minting(platform, caller, { ip: { ...allow } })).token.ip).toEqual(allow);
    const words = 'forbidden: a management token has the address rules of the token that makes or changes it';
    expect(await refusalOf(minting(platform, caller, { ip: {} }))).toBe(words);
    expect(await refusalOf(minting(platform, caller, { ip: { allow: ['0.0.0.0/0'] } }))).toBe(words);
    const patch = { id: caller.minted.token.id, input: { ip: {} }, policy };
    expect(await refusalOf(platform.as(caller, (tx, by) => updateToken(tx, by, patch)))).toBe(words);
    const free = await platform.manager(NARROW);
    for (const [, touch] of touches) expect(await refusalOf(touch(platform, caller, free.minted.token.id))).toBe(words);
  });

  test('a bound key: the new token is bound to one, too', async () => {
    const platform = await aPlatform();
    const caller = await platform.manager(NARROW, { boundKey: 'a'.repeat(43) });
    expect(await refusalOf(minting(platform, caller, {}))).toContain('is bound to a key');
    expect((await minting(platform, caller, { boundKey: 'b'.repeat(43) })).token.boundKey).toBe('b'.repeat(43));
  });

  test('roles: a personal token makes personal tokens alone', async () => {
    const platform = await aPlatform();
    const role = await platform.as(platform.root, (tx, by) => createRole(tx, by, { name: 'ops', scopes: NARROW }));
    const owner = await anOwner(platform, [role.id]);
    const caller = await platform.manager(NARROW, { kind: 'personal_access_token', owner: owner.id });
    expect(await refusalOf(minting(platform, caller, {}))).toContain('a personal access token handles personal');
    const { token } = await minting(platform, caller, { kind: 'personal_access_token' });
    expect(token).toMatchObject({ kind: 'personal_access_token', owner: owner.id });
  });

  test('admin hands down what it likes', async () => {
    const platform = await aPlatform();
    const admin = await platform.manager(['admin'], { ip: allow, boundKey: 'a'.repeat(43) });
    expect((await minting(platform, admin, {})).token).toMatchObject({ ip: {}, boundKey: null });
  });
});

/** A management token that root made as a child, and the call of its holder. */
async function aChild(platform: Platform, parent: Call & { readonly minted: Minted }): Promise<Call> {
  const { token, secrets } = await minting(platform, platform.root, { scopes: NARROW, parent: parent.minted.token.id });
  const [secret] = secrets;
  if (secret === undefined) throw new Error('a token without a secret');
  return { ...parent, actor: { ...parent.actor, token: token.id, secret: digestKeyOf(secret.digest) } };
}

describe('a child', () => {
  const words = 'forbidden: a token that descends from another handles itself and its own children alone';

  test('makes and touches no token that would not die with its parent, or be held back like it', async () => {
    const platform = await aPlatform();
    const { as, root } = platform;
    const parent = await platform.manager(NARROW, { expiresAt: NOW + DAY });
    const child = await aChild(platform, parent);
    const beside = await platform.manager(NARROW, { expiresAt: NOW + DAY });
    // Held back after its child was made: what the child makes must not be free of it.
    const input = { ip: { allow: ['10.0.0.0/8'] } };
    await as(root, (tx, by) => updateToken(tx, by, { id: parent.minted.token.id, input, policy }));
    expect(await refusalOf(minting(platform, child, {}))).toBe(words);
    expect(await refusalOf(minting(platform, child, { parent: parent.minted.token.id }))).toBe(words);
    for (const [, touch] of touches)
      expect(await refusalOf(touch(platform, child, beside.minted.token.id))).toBe(words);
    const grandchild = await minting(platform, child, { parent: child.actor.token });
    const rotated = await as(child, (tx, by) => rotate(tx, by, child.actor.token, { signing }));
    expect(rotated.token.parent).toBe(parent.minted.token.id);
    await as(parent, (tx, by) => revokeToken(tx, by, parent.minted.token.id, undefined));
    expect((await platform.store.token(platform.workspace, grandchild.token.id))?.token.revokedAt).toBe(NOW);
  });

  test.each([
    ['disabled', { enabled: false }],
    ['narrowed', { scopes: ['verify'] }],
    ['at its end', { expiresAt: new Date(NOW + 1000).toISOString() }],
  ])('changes nothing any more where its parent is %s since its verdict', async (_, input) => {
    const platform = await aPlatform();
    const parent = await platform.manager(NARROW, { expiresAt: NOW + DAY });
    const child = await aChild(platform, parent);
    await platform.as(platform.root, (tx, by) => updateToken(tx, by, { id: parent.minted.token.id, input, policy }));
    platform.clock.move(1000);
    expect(await refusalOf(minting(platform, child, { parent: child.actor.token }))).toBe(
      'forbidden: your token was ended or narrowed since it was accepted',
    );
  });
});

describe.each(touches)('%s', (name, touch) => {
  test.each([
    ['a wider token', { scopes: ['admin'] }, 'your token does not hold the scope'],
    ['a longer-lived one', { expiresAt: NOW + 2 * DAY }, 'cannot outlive'],
    ['one without an end', { expiresAt: null }, 'cannot outlive'],
  ] as const)('of %s', async (_, over, words) => {
    const platform = await aPlatform();
    const caller = await platform.manager(NARROW, { expiresAt: NOW + DAY });
    const { minted } = await platform.manager(over && 'scopes' in over ? over.scopes : ['verify'], over);
    expect(await refusalOf(touch(platform, caller, minted.token.id))).toContain(words);
    const kept = await platform.store.token(platform.workspace, minted.token.id);
    expect(kept?.secrets).toHaveLength(1);
    expect(kept?.token.revokedAt).toBeNull();
  });

  test('of the root token, even by root', async () => {
    const platform = await aPlatform();
    const words = 'forbidden: the root token is changed by its setting alone';
    const admin = await platform.manager(['admin']);
    expect(await refusalOf(touch(platform, admin, platform.root.actor.token))).toBe(words);
    expect(await refusalOf(touch(platform, platform.root, platform.root.actor.token))).toBe(words);
  });

  test('of another owner’s token', async () => {
    const platform = await aPlatform();
    const owner = await anOwner(platform);
    const caller = await platform.manager(NARROW);
    const { minted } = await platform.manager(['verify'], { owner: owner.id });
    expect(await refusalOf(touch(platform, caller, minted.token.id))).toContain('only admin handles');
  });

  test('of its own equal is allowed', async () => {
    const platform = await aPlatform();
    const caller = await platform.manager(NARROW, { expiresAt: NOW + DAY });
    const { minted } = await platform.manager(NARROW, { expiresAt: NOW + DAY });
    const outcome = await refusalOf(touch(platform, caller, minted.token.id));
    expect(outcome).toBe(
      name === 'cancel' ? 'conflict: there is no rotation to undo, or its old secret has ended' : 'it was not refused',
    );
  });
});

describe('revocation is the safe direction', () => {
  test('one may end one’s own token, whatever else one may', async () => {
    const platform = await aPlatform();
    const caller = await platform.manager(['tokens:write'], { ip: { allow: ['10.0.0.0/8'] } });
    const { token } = await platform.as(caller, (tx, by) => revokeToken(tx, by, caller.minted.token.id, 'done'));
    expect(token).toMatchObject({ revokedAt: NOW, revokedReason: 'done' });
  });

  test('an administrator ends any but root, though it expires before it', async () => {
    const platform = await aPlatform();
    const admin = await platform.manager(['admin'], { expiresAt: NOW + DAY });
    const { minted } = await platform.manager(['admin'], { expiresAt: null });
    const { token } = await platform.as(admin, (tx, by) => revokeToken(tx, by, minted.token.id, undefined));
    expect(token.revokedAt).toBe(NOW);
  });
});

describe('a change of the caller’s own token', () => {
  test.each([
    ['wider', { scopes: ['admin'] }, 'your token does not hold'],
    ['longer', { expiresAt: new Date(NOW + 2 * DAY).toISOString() }, 'cannot outlive'],
    ['endless', { expiresAt: null }, 'cannot outlive'],
  ])('%s is refused', async (_, input, words) => {
    const platform = await aPlatform();
    const caller = await platform.manager(NARROW, { expiresAt: NOW + DAY });
    const change = { id: caller.minted.token.id, input, policy };
    expect(await refusalOf(platform.as(caller, (tx, by) => updateToken(tx, by, change)))).toContain(words);
  });

  test('of another one is refused also where it narrows: it would lock out an administrator', async () => {
    const platform = await aPlatform();
    const caller = await platform.manager(NARROW);
    const { minted } = await platform.manager(['admin']);
    const past = new Date(NOW + 1000).toISOString();
    for (const input of [{ scopes: ['verify'] }, { scopes: ['verify'], expiresAt: past }, { enabled: false }]) {
      const change = { id: minted.token.id, input, policy };
      expect(await refusalOf(platform.as(caller, (tx, by) => updateToken(tx, by, change)))).toContain(
        'your token does not hold',
      );
    }
  });

  test('narrower is allowed, and there is no way back', async () => {
    const platform = await aPlatform();
    const caller = await platform.manager(NARROW);
    const change = (scopes: string[]) => ({ id: caller.minted.token.id, input: { scopes }, policy });
    await platform.as(caller, (tx, by) => updateToken(tx, by, change(['tokens:write'])));
    expect(await refusalOf(platform.as(caller, (tx, by) => updateToken(tx, by, change(NARROW))))).toContain(
      'your token was ended or narrowed since it was accepted',
    );
  });
});

describe('a caller that was accepted and fell before its change is made', () => {
  const words = 'forbidden: your token was ended or narrowed since it was accepted';
  const falls: readonly (readonly [string, (platform: Platform, id: string, owner: string) => Promise<unknown>])[] = [
    ['revoked', ({ as, root }, id) => as(root, (tx, by) => revokeToken(tx, by, id, undefined))],
    [
      'disabled',
      ({ as, root }, id) => as(root, (tx, by) => updateToken(tx, by, { id, input: { enabled: false }, policy })),
    ],
    [
      'narrowed',
      ({ as, root }, id) => as(root, (tx, by) => updateToken(tx, by, { id, input: { scopes: ['verify'] }, policy })),
    ],
    [
      'rotated without grace',
      ({ as, root }, id) => as(root, (tx, by) => rotate(tx, by, id, { graceSeconds: 0, signing })),
    ],
    ['expired', async ({ clock }) => clock.move(DAY)],
    [
      'of an owner that was disabled',
      ({ as, root }, _, owner) => as(root, (tx, by) => updateOwner(tx, by, { id: owner, input: { enabled: false } })),
    ],
    [
      'of a workspace that was suspended',
      async ({ store, workspace, tamper }) => {
        tamper('update workspaces set enabled = 0');
        expect((await store.workspace(workspace))?.enabled).toBe(false);
      },
    ],
  ];
  test.each(falls)('%s', async (_, fall) => {
    const platform = await aPlatform();
    const owner = await anOwner(platform);
    const caller = await platform.manager(NARROW, { owner: owner.id, expiresAt: NOW + DAY });
    await minting(platform, caller, {});
    await fall(platform, caller.minted.token.id, owner.id);
    expect(await refusalOf(minting(platform, caller, { api: 'default' }))).toBe(words);
  });
});

/** A token keeps its id; at most two secrets live at once; whoever was rotated out does not get back in. */
import { digestKeyOf } from '@tessera/verify';
import { describe, expect, test } from 'vitest';
import type { Call } from '../../src/core/call.ts';
import type { Secret } from '../../src/core/model.ts';
import { revokeToken, updateToken } from '../../src/core/tokens/change.ts';
import { factsOf } from '../../src/core/tokens/facts.ts';
import { type Minted, mint } from '../../src/core/tokens/mint.ts';
import { activate, cancelRotation, type RotationWish, rotate } from '../../src/core/tokens/rotate.ts';
import { aPlatform, DAY, minter, NOW, type Platform, policy, refusalOf, signing } from './support/platform.ts';

interface Rotating extends Platform {
  readonly id: string;
  rotate(wish?: RotationWish): Promise<Minted>;
  cancel(): Promise<unknown>;
  use(secret: Secret | undefined): Promise<void>;
  /** State of each secret, newest first, with the seconds it has left. */
  states(): Promise<string[]>;
}

async function rotating(): Promise<Rotating> {
  const platform = await aPlatform();
  const { root, as, clock, store, workspace } = platform;
  const { token } = await as(root, (tx, by) => mint(tx, by, { name: 'key', scopes: [] }, minter));
  return {
    ...platform,
    id: token.id,
    rotate: (wish = {}) => as(root, (tx, by) => rotate(tx, by, token.id, { ...wish, signing })),
    cancel: () => as(root, (tx, by) => cancelRotation(tx, by, token.id)),
    use: (secret) =>
      store.write((tx) =>
        activate(tx, { workspace, token: token.id, digest: secret?.digest ?? new Uint8Array(), now: clock.now() }),
      ),
    async states() {
      const secrets = (await store.token(workspace, token.id))?.secrets ?? [];
      return secrets.map(({ state, validUntil }) =>
        state === 'retiring' ? `retiring ${((validUntil ?? 0) - clock.now()) / 1000}` : state,
      );
    },
  };
}

describe('now', () => {
  test('the old secret lives on for the grace, a day where none is named', async () => {
    const { rotate, states } = await rotating();
    await rotate();
    expect(await states()).toEqual(['active', 'retiring 86400']);
  });

  test('without grace it ends at once', async () => {
    const { rotate, states, store, workspace, id } = await rotating();
    await rotate({ graceSeconds: 0 });
    expect(await states()).toEqual(['active', 'retired']);
    const old = (await store.token(workspace, id))?.secrets[1];
    const context = old && (await store.find(digestKeyOf(old.digest)));
    // By its state, and for every node: one whose clock is behind would let it in for as long as that.
    expect(old?.validUntil).toBe(NOW);
    expect(context && factsOf(context).secret).toMatchObject({ state: 'retiring', until: 0 });
  });

  test('a further rotation drops the oldest: two live at most', async () => {
    const { rotate, states } = await rotating();
    await rotate({ graceSeconds: 100 });
    await rotate({ graceSeconds: 50 });
    await rotate({ graceSeconds: 10 });
    expect(await states()).toEqual(['active', 'retiring 10', 'retired', 'retired']);
  });

  test('ten at once all succeed, one after the other', async () => {
    const { rotate, states, id } = await rotating();
    const minted = await Promise.all(Array.from({ length: 10 }, () => rotate({ graceSeconds: 5 })));
    expect(new Set(minted.map(({ text }) => text)).size).toBe(10);
    expect(minted.every(({ token }) => token.id === id)).toBe(true);
    const all = await states();
    expect(all.filter((state) => state !== 'retired')).toEqual(['active', 'retiring 5']);
    expect(new Set(minted.map(({ token }) => token.version)).size).toBe(10);
  });
});

describe('at the first use', () => {
  test('the grace begins at that use', async () => {
    const { rotate, states, use, clock } = await rotating();
    const { secrets } = await rotate({ activate: 'first-use', graceSeconds: 60 });
    expect(await states()).toEqual(['pending', 'active']);
    clock.move(1_000_000);
    await use(secrets[0]);
    expect(await states()).toEqual(['active', 'retiring 60']);
  });

  test('twice changes nothing, and neither does a use of another secret or after a cancel', async () => {
    const { rotate, cancel, states, use, store, workspace, id } = await rotating();
    const { secrets } = await rotate({ activate: 'first-use', graceSeconds: 60 });
    await use(secrets[1]);
    expect(await states()).toEqual(['pending', 'active']);
    await use(secrets[0]);
    const version = (await store.token(workspace, id))?.token.version;
    await use(secrets[0]);
    expect((await store.token(workspace, id))?.token.version).toBe(version);
    const next = await rotate({ activate: 'first-use' });
    await cancel();
    await use(next.secrets[0]);
    expect(await states()).toEqual(['retired', 'active', 'retired']);
  });

  test('a new rotation replaces the pending secret, and a retiring one leaves with it', async () => {
    const { rotate, states } = await rotating();
    await rotate({ graceSeconds: 100 });
    await rotate({ activate: 'first-use' });
    expect(await states()).toEqual(['pending', 'active', 'retired']);
    await rotate({ activate: 'first-use' });
    expect(await states()).toEqual(['pending', 'retired', 'active', 'retired']);
    await rotate({ graceSeconds: 7 });
    expect(await states()).toEqual(['active', 'retired', 'retired', 'retiring 7', 'retired']);
  });
});

describe('undone', () => {
  test('while the grace runs: the old secret is the token’s again, the new one is over', async () => {
    const { rotate, cancel, states, clock } = await rotating();
    await rotate({ graceSeconds: 60 });
    clock.move(59_999);
    await cancel();
    expect(await states()).toEqual(['retired', 'active']);
    expect(await refusalOf(cancel())).toContain('conflict: there is no rotation to undo');
  });

  test('not when the grace is over', async () => {
    const { rotate, cancel, states, clock } = await rotating();
    await rotate({ graceSeconds: 60 });
    clock.move(60_000);
    expect(await refusalOf(cancel())).toContain('conflict: there is no rotation to undo');
    expect(await states()).toEqual(['active', 'retiring 0']);
  });

  test('with a pending secret: it goes, and nothing else changes', async () => {
    const { rotate, cancel, states } = await rotating();
    await rotate({ activate: 'first-use' });
    await cancel();
    expect(await states()).toEqual(['retired', 'active']);
  });
});

describe('a management token whose secret was replaced', () => {
  const SCOPES = ['tokens:write', 'tokens:read'];
  const words = 'forbidden: your secret was replaced: call with the new one';
  const acts: readonly (readonly [string, (platform: Platform, call: Call) => Promise<unknown>])[] = [
    ['undo it', ({ as }, call) => as(call, (tx, by) => cancelRotation(tx, by, call.actor.token))],
    [
      'rotate again',
      ({ as }, call) => as(call, (tx, by) => rotate(tx, by, call.actor.token, { graceSeconds: 0, signing })),
    ],
    [
      'mint another',
      ({ as }, call) => as(call, (tx, by) => mint(tx, by, { api: 'tessera', name: 'x', scopes: [] }, minter)),
    ],
    [
      'change it',
      ({ as }, call) =>
        as(call, (tx, by) => updateToken(tx, by, { id: call.actor.token, input: { name: 'x' }, policy })),
    ],
  ];
  test.each(acts)('does not %s with the old one, be it admin', async (_, act) => {
    for (const scopes of [SCOPES, ['admin']]) {
      const platform = await aPlatform();
      const caller = await platform.manager(scopes);
      const { secrets, text } = await platform.as(platform.root, (tx, by) =>
        rotate(tx, by, caller.actor.token, { signing }),
      );
      expect(await refusalOf(act(platform, caller))).toBe(words);
      expect(text).toMatch(/^tsm_live_/);
      const fresh = {
        ...caller,
        actor: { ...caller.actor, secret: digestKeyOf(secrets[0]?.digest ?? new Uint8Array()) },
      };
      expect(await refusalOf(act(platform, fresh))).toBe('it was not refused');
    }
  });

  test('goes on minting for other apis until the grace is over', async () => {
    const platform = await aPlatform();
    const caller = await platform.manager(SCOPES);
    await platform.as(platform.root, (tx, by) => rotate(tx, by, caller.actor.token, { graceSeconds: 60, signing }));
    const minting = () => platform.as(caller, (tx, by) => mint(tx, by, { name: 'x', scopes: [] }, minter));
    expect((await minting()).token.name).toBe('x');
    platform.clock.move(60_000);
    expect(await refusalOf(minting())).toContain('your token was ended or narrowed');
  });
});

describe('refused', () => {
  test('of a token that expired', async () => {
    const { rotate, clock } = await rotating();
    clock.move(90 * DAY);
    expect(await refusalOf(rotate())).toBe('conflict: the token has expired');
  });

  test('of a token that was revoked', async () => {
    const { rotate, cancel, as, root, id } = await rotating();
    await rotate();
    await as(root, (tx, by) => revokeToken(tx, by, id, undefined));
    expect(await refusalOf(rotate())).toBe('conflict: the token is revoked');
    expect(await refusalOf(cancel())).toBe('conflict: the token is revoked');
  });
});

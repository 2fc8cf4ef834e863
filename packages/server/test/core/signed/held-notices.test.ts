/** A node believes signed texts only while it holds all the notices there are: read to the last page, and read again where some were missed. */
import { describe, expect, test } from 'vitest';
import type { Told } from '../../../src/core/change-order.ts';
import { type HeldNotices, heldNotices } from '../../../src/core/signed/held-notices.ts';
import type { Store } from '../../../src/core/store-port.ts';
import { aPlatform, type Platform } from '../support/platform.ts';

type Claimed = Parameters<HeldNotices['believes']>[0];

interface Holding {
  readonly notices: HeldNotices;
  readonly errors: unknown[];
  tell(told: Told): void;
  /** What the store does in the place of its next read. */
  instead: (() => Promise<never>) | undefined;
  believes(token: string): boolean;
}

function holding({ store, clock, workspace }: Platform): Holding {
  const errors: unknown[] = [];
  let tell = (_: Told): void => undefined;
  const read: Pick<Store, 'notices'> = {
    notices(of, after) {
      const { instead } = held;
      held.instead = undefined;
      return instead?.() ?? store.notices(of, after);
    },
  };
  const notices = heldNotices({
    store: read,
    feed: {
      fresh: () => true,
      position: () => 1_000_000,
      subscribe(listener) {
        tell = listener;
        return () => undefined;
      },
    },
    now: clock.now,
    onError: (error) => errors.push(error),
  });
  const held: Holding = {
    notices,
    errors,
    tell: (told) => tell(told),
    instead: undefined,
    believes(token) {
      const now = clock.now() / 1000;
      const signed: Claimed['signed'] = {
        workspace,
        tokens: [token],
        owner: undefined,
        api: 'api_1',
        client: undefined,
        session: undefined,
        key: 'key_1',
        seq: 1,
        issuedAt: now - 1,
        expiresAt: now + 600,
      };
      // Nothing else of it is looked at.
      return notices.believes({ signed } as Claimed);
    },
  };
  return held;
}

/** Of tokens with these numbers. */
async function revoke({ store, clock, workspace }: Platform, from: number, to: number): Promise<void> {
  await store.write(async (tx) => {
    for (let number = from; number <= to; number += 1) {
      const change = { workspace, kind: 'token.revoked', id: `tok_${number}` } as const;
      tx.changed({ ...change, signedUntil: clock.now() + 60_000 });
    }
  });
}

describe('notices', () => {
  test('are read to the last page before anything is believed', async () => {
    const platform = await aPlatform();
    await revoke(platform, 1, 2001);
    const held = holding(platform);
    expect(held.believes('tok_0')).toBe(false);
    await held.notices.load();
    expect(held.believes('tok_0')).toBe(true);
    for (const number of [1, 1000, 1001, 2000, 2001]) expect(held.believes(`tok_${number}`)).toBe(false);
  });

  test('are read again where changes were missed, and nothing is believed until then', async () => {
    const platform = await aPlatform();
    const held = holding(platform);
    await held.notices.load();
    await revoke(platform, 1, 1);
    held.tell('missed');
    expect([held.believes('tok_0'), held.believes('tok_1')]).toEqual([false, false]);
    await held.notices.load();
    expect([held.believes('tok_0'), held.believes('tok_1')]).toEqual([true, false]);
  });

  test('that were being read when changes were missed are not relied on', async () => {
    const platform = await aPlatform();
    const held = holding(platform);
    const reading = held.notices.load();
    held.tell('missed');
    await reading;
    expect(held.believes('tok_0')).toBe(false);
    platform.clock.move(1000);
    expect(held.believes('tok_0')).toBe(false);
    await held.notices.load();
    expect(held.believes('tok_0')).toBe(true);
  });

  test('that cannot be read have everything asked for, and are tried again', async () => {
    const platform = await aPlatform();
    const held = holding(platform);
    const error = new Error('the store is away');
    held.instead = () => Promise.reject(error);
    await held.notices.load();
    expect(held.errors).toEqual([error]);
    expect(held.believes('tok_0')).toBe(false);
    platform.clock.move(1000);
    expect(held.believes('tok_0')).toBe(false);
    await held.notices.load();
    expect(held.believes('tok_0')).toBe(true);
    expect(held.errors).toHaveLength(1);
  });
});

/** The key that signs now, in memory, and another one as soon as the feed says so. */
import { Buffer } from 'node:buffer';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Custody } from '../custody/custody.ts';
import { BrokenSeal } from '../custody/sealed-value.ts';
import type { Feed } from '../feed.ts';
import type { Store } from '../store-port.ts';
import type { KeyAlgorithm } from './algorithms.ts';
import { placeOf } from './steps.ts';

export interface Signer {
  readonly kid: string;
  readonly key: KeyObject;
}

export interface RingSigner {
  /** Throws where no key is active. */
  current(): Signer;
  /** Reads the ring; needed once before anything is signed. A key whose seal is broken is none: the rest goes on without it. */
  load(): Promise<void>;
}

export interface RingSignerOptions {
  readonly store: Pick<Store, 'liveKeys'>;
  readonly custody: Pick<Custody, 'open'>;
  readonly feed: Pick<Feed, 'subscribe'>;
  readonly workspace: string;
  readonly alg: KeyAlgorithm;
  readonly onError: (error: unknown) => void;
}

const AGAIN_MS = 1000;
/** Until somebody repairs the row; another key is heard of by the feed. */
const BROKEN_AGAIN_MS = 60_000;

export function ringSigner({ store, custody, feed, workspace, alg, onError }: RingSignerOptions): RingSigner {
  let signer: Signer | undefined;
  let reads = 0;

  const load = async (): Promise<void> => {
    reads += 1;
    const mine = reads;
    const active = (await store.liveKeys(workspace)).find((key) => key.alg === alg && key.state === 'active');
    const sealed = active?.sealed;
    const next =
      active && sealed ? { kid: active.id, key: privateKeyOf(await custody.open(placeOf(active), sealed)) } : undefined;
    // What was read later is newer.
    if (mine === reads) signer = next?.kid === signer?.kid ? signer : next;
  };

  /** Until it was read, the key of before signs on: whatever it signs verifies for an hour. */
  const reload = (): void => {
    load().catch(tryLater);
  };

  const tryLater = (error: unknown): void => {
    onError(error);
    setTimeout(reload, error instanceof BrokenSeal ? BROKEN_AGAIN_MS : AGAIN_MS).unref();
  };

  feed.subscribe((change) => {
    if (change === 'missed' || (change.workspace === workspace && change.kind.startsWith('key.'))) reload();
  });

  return {
    current() {
      if (signer === undefined) throw new Error(`no key for ${alg} is active`);
      return signer;
    },
    load: () =>
      load().catch((error: unknown) => {
        if (!(error instanceof BrokenSeal)) throw error;
        tryLater(error);
      }),
  };
}

function privateKeyOf(bytes: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(bytes), format: 'der', type: 'pkcs8' });
}

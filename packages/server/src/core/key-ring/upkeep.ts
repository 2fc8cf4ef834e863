/** What rings need of the platform itself: first keys, replacement when they are old, and an end for what nobody needs. */
import type { Store } from '../store-port.ts';
import type { KeyAlgorithm } from './algorithms.ts';
import { move, ringOf, rotateRing, type Sealing } from './steps.ts';

export interface Founding {
  readonly workspace: string;
  readonly now: number;
  readonly sealing: Sealing;
}

/** A key that signs and one that waits, where there are none. Safe when several processes start at once. */
export async function foundRing(
  store: Pick<Store, 'write' | 'liveKeys'>,
  alg: KeyAlgorithm,
  { workspace, now, sealing }: Founding,
): Promise<void> {
  const by = { workspace, now };
  // One that was retired or deleted on purpose stays so, until nothing of it is left.
  if ((await store.liveKeys(workspace)).some((key) => key.alg === alg)) return;
  await store.write(async (tx) => {
    if ((await ringOf(tx, by, alg)).length === 0) await rotateRing(tx, by, { alg, sealing });
  });
}

export interface Keeping {
  readonly now: number;
  readonly sealing: Sealing;
  /** How long a key signs before the next one does; 0: for ever. */
  readonly activeMs: number;
}

/**
 * In every workspace: rotates what has signed for long enough, and forgets what was retired and is needed no more. One unit of work, so
 * that of several nodes one does it; none where nothing is due.
 */
export async function keepRings(
  store: Pick<Store, 'write' | 'keysDue'>,
  { now, sealing, activeMs }: Keeping,
): Promise<void> {
  const due = { activatedUntil: activeMs === 0 ? undefined : now - activeMs, neededUntil: now };
  if ((await store.keysDue(due)).length === 0) return;
  await store.write(async (tx) => {
    for (const key of await tx.keysDue(due)) {
      const by = { workspace: key.workspace, now };
      if (key.state === 'active') await rotateRing(tx, by, { alg: key.alg, sealing });
      else await move(tx, by, key, 'gone');
    }
  });
}

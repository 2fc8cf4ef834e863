/** Places in the change feed: a number, and which of all changes that ever had it. A store that was restored from an older copy gives numbers out again. */
import { hash } from 'node:crypto';
import type { Change } from './model.ts';
import type { Reader } from './store-port.ts';

export interface Place {
  /** Of the last change before it; 0: it is before all. */
  readonly seq: number;
  /** Of that change; empty before all. */
  readonly mark: string;
}

const START: Place = Object.freeze({ seq: 0, mark: '' });
/** Of characters: 96 bits. */
const LENGTH = 16;

/**
 * Tells a change from all others that ever had its number, and so the history that led to it from every other: once two have parted, no change
 * of the one has number, moment and subject of a change of the other. Reveals nothing of a change, which may be that of another workspace.
 */
export function markOf({ seq, at, workspace, kind, id }: Change): string {
  return hash('sha256', JSON.stringify([seq, at, workspace, kind, id]), 'base64url').slice(0, LENGTH);
}

export function placeOf(change: Change | undefined): Place {
  return change === undefined ? START : { seq: change.seq, mark: markOf(change) };
}

/** Undefined where the store has no change of this number. */
async function placeAt(store: Pick<Reader, 'changes'>, seq: number): Promise<Place | undefined> {
  if (seq === 0) return START;
  const [change] = await store.changes({ workspace: undefined, since: seq - 1, limit: 1 });
  return change?.seq === seq ? placeOf(change) : undefined;
}

/** The place that somebody was told of. Undefined where the store has another change there, or none: what he knows is of another history. */
export async function knownPlace(
  store: Pick<Reader, 'changes'>,
  { seq, mark }: { readonly seq: number; readonly mark: string | undefined },
): Promise<Place | undefined> {
  const found = await placeAt(store, seq);
  return mark === undefined || found?.mark === mark ? found : undefined;
}

export async function newestPlace(store: Pick<Reader, 'changes' | 'latestChange'>): Promise<Place> {
  return placeOf(await newestChange(store));
}

/** Undefined: there is none. */
export async function newestChange(store: Pick<Reader, 'changes' | 'latestChange'>): Promise<Change | undefined> {
  const seq = await store.latestChange();
  const changes = await store.changes({ workspace: undefined, since: Math.max(0, seq - 1), limit: 1 });
  return changes[0];
}

/** What a verifier in another process needs to judge signed tokens by their claims, as of a position of the change feed. */
import { algorithms } from '../key-ring/algorithms.ts';
import type { Change, RingKey } from '../model.ts';
import type { NoticesAfter, Store } from '../store-port.ts';

export interface ToldNotices {
  /** What changed up to here is told; what changed later may be, and the feed will tell of it. */
  readonly at: number;
  /** Those that verify or soon will, as JWKs. */
  readonly keys: readonly Readonly<Record<string, string>>[];
  readonly items: readonly (Change & { readonly signedUntil: number })[];
  readonly next: Pick<NoticesAfter, 'until' | 'seq'> | undefined;
}

export async function noticesOf(
  store: Pick<Store, 'latestChange' | 'liveKeys' | 'notices'>,
  workspace: string,
  page: NoticesAfter,
): Promise<ToldNotices> {
  // First and alone: a change that comes between this and what follows is told twice, and never missed.
  const at = await store.latestChange();
  const [ring, found] = await Promise.all([store.liveKeys(workspace), store.notices(workspace, page)]);
  const items = found.flatMap(({ signedUntil, ...change }) =>
    signedUntil === undefined ? [] : [{ ...change, signedUntil }],
  );
  const last = items.at(-1);
  const isFull = found.length === page.limit && last !== undefined;
  return {
    at,
    keys: ring.flatMap(verifying),
    items,
    next: isFull ? { until: last.signedUntil, seq: last.seq } : undefined,
  };
}

/** Of a shared secret its name alone: who knew it could sign. */
function verifying({ id, alg, publicJwk }: RingKey): readonly Readonly<Record<string, string>>[] {
  const { use } = algorithms[alg];
  return use === 'sig' ? [{ ...(publicJwk ?? { kty: 'oct' }), kid: id, use, alg }] : [];
}

/** Whether this node should be given traffic, and what that depends on: what `/readyz` tells. */
import type { Config } from './config/load.ts';
import type { Feed } from './core/feed.ts';
import type { Store } from './core/store-port.ts';

type Check = 'ok' | 'failing';

export interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, Check>>;
}

export interface ReadinessParts {
  readonly config: Pick<Config, 'role'>;
  readonly store: Pick<Store, 'latestChange'>;
  readonly feed: Pick<Feed, 'follows'>;
  /** Whether this node is about to stop. */
  readonly isDraining: () => boolean;
}

/** Never rejects. */
export async function readiness({ config, store, feed, isDraining }: ReadinessParts): Promise<Readiness> {
  const answers = await store.latestChange().then(
    () => true,
    () => false,
  );
  const checks = { store: said(answers), feed: said(feed.follows()), accepting: said(!isDraining()) };
  // A data plane is of use for as long as it may believe its memory, which is what its feed says.
  const needed = config.role === 'data-plane' ? [checks.feed, checks.accepting] : Object.values(checks);
  return { ready: needed.every((check) => check === 'ok'), checks };
}

function said(isWell: boolean): Check {
  return isWell ? 'ok' : 'failing';
}

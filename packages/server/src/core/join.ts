/** How a node that only judges starts: on a store that another node has founded, which it reads and does not change. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Bootstrapped } from './bootstrap.ts';
import type { Store } from './store-port.ts';
import { DEFAULT_WORKSPACE } from './workspaces.ts';

const PAUSE_MS = 250;

/** Waits until the store was founded, for as long as it takes. */
export async function join(
  store: Pick<Store, 'meta'>,
  { onWait }: { readonly onWait: () => void },
): Promise<Bootstrapped> {
  for (let waits = 0; ; waits += 1) {
    const defaultWorkspace = await store.meta(DEFAULT_WORKSPACE);
    if (defaultWorkspace !== undefined) return { defaultWorkspace, rootToken: undefined };
    if (waits === 0) onWait();
    await delay(PAUSE_MS);
  }
}

/** How a node that only judges starts: on a store that another node has founded, which it reads and does not change. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Bootstrapped, KEY_CHECK, keyCheck, WRONG_KEY } from './bootstrap.ts';
import { StartRefused } from './start-refused.ts';
import type { Store } from './store-port.ts';
import { DEFAULT_WORKSPACE } from './workspaces.ts';

const PAUSE_MS = 250;

/**
 * Waits until the store was founded, for as long as it takes.
 *
 * @throws StartRefused where the master key is not that of the store
 */
export async function join(
  store: Pick<Store, 'meta'>,
  { masterKey, onWait }: { readonly masterKey: Uint8Array; readonly onWait: () => void },
): Promise<Bootstrapped> {
  for (let waits = 0; ; waits += 1) {
    const kept = await store.meta(KEY_CHECK);
    if (kept !== undefined && kept !== keyCheck(masterKey)) throw new StartRefused(WRONG_KEY);
    const defaultWorkspace = await store.meta(DEFAULT_WORKSPACE);
    if (kept !== undefined && defaultWorkspace !== undefined) return { defaultWorkspace, rootToken: undefined };
    if (waits === 0) onWait();
    await delay(PAUSE_MS);
  }
}

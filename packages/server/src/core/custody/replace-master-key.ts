/**
 * Another master key: every data key is encrypted anew with it, and a new one is drawn for what is sealed from now on, in one unit
 * of work, so that a crash leaves all or nothing of it. What is sealed stays as it is.
 */
import { Buffer } from 'node:buffer';
import type { WrappedKey } from '../model.ts';
import type { Store, Tx } from '../store-port.ts';
import { systemRecord } from '../system-record.ts';
import { DEFAULT_WORKSPACE } from '../workspaces.ts';
import {
  type Custody,
  type CustodyOptions,
  contextOf,
  drawDataKey,
  ROOT_PLACE,
  ROOT_SECRET,
  unwrapped,
} from './custody.ts';
import { sealValue } from './sealed-value.ts';

/** Names of the keys that were replaced: none of them takes over again. */
const REPLACED = 'replaced_master_keys';

/** `outdated`: the store has gone on to another key, which this process can use, but does not have as its own. */
export type Replacement = 'same' | 'replaced' | 'outdated';

export async function replaceMasterKey(
  store: Pick<Store, 'dataKeys' | 'meta' | 'write'>,
  { root }: Pick<Custody, 'root'>,
  options: Pick<CustodyOptions, 'current' | 'others' | 'now'>,
): Promise<Replacement> {
  const { current, now } = options;
  for (;;) {
    const before = await store.dataKeys();
    if (before.every(({ by }) => by === current.name)) return 'same';
    if ((await replacedNames(store)).includes(current.name)) return 'outdated';
    // What encrypts may be far away: no unit of work waits for it.
    const after: WrappedKey[] = [];
    for (const kept of before) {
      const { key } = await unwrapped(kept, options);
      after.push({ ...kept, by: current.name, wrapped: await current.wrap(key.export(), contextOf(kept.id)) });
    }
    const drawn = await drawDataKey(current, Math.max(now(), 1 + (before.at(-1)?.createdAt ?? 0)));
    const sealedRoot = Buffer.from(sealValue(drawn.key, ROOT_PLACE, root)).toString('base64url');
    const isDone = await store.write(async (tx) => {
      if (!isSame(before, await tx.dataKeys())) return false;
      for (const kept of [...after, drawn.kept]) await tx.putDataKey(kept);
      await tx.setMeta(ROOT_SECRET, sealedRoot);
      const names = new Set([...(await replacedNames(tx)), ...before.map(({ by }) => by)]);
      names.delete(current.name);
      await tx.setMeta(REPLACED, JSON.stringify([...names]));
      await audit(tx, { from: before.at(-1)?.by ?? '', to: current.name, at: now() });
      return true;
    });
    if (isDone) return 'replaced';
  }
}

async function replacedNames(reader: Pick<Store, 'meta'>): Promise<readonly string[]> {
  return JSON.parse((await reader.meta(REPLACED)) ?? '[]') as string[];
}

/** Whether nobody else replaced the key meanwhile. */
function isSame(before: readonly WrappedKey[], now: readonly WrappedKey[]): boolean {
  return before.length === now.length && before.every(({ id, by }, at) => now[at]?.id === id && now[at].by === by);
}

async function audit(tx: Tx, { from, to, at }: { readonly from: string; readonly to: string; readonly at: number }) {
  const workspace = await tx.meta(DEFAULT_WORKSPACE);
  // A start that was killed before it made anything to record.
  if (workspace === undefined) return;
  systemRecord(tx, { workspace, now: at, action: 'master_key.replace', target: null, details: { from, to } });
}

/** Operations on the audit log and the change feed. */
import { GENESIS, proveChain } from '../core/audit-chain.ts';
import { knownPlace } from '../core/places.ts';
import { Refusal } from '../core/refusal.ts';
import type { ReadHandlers } from './services.ts';
import { auditView, changeView, time } from './views.ts';

const DEFAULT_PAGE = 100;
/** Every workspace's log begins with its own creation. */
const FIRST_ACTION = 'workspace.create';

export const recordReads: ReadHandlers<'audit.list' | 'audit.verify' | 'audit.checkpoint' | 'changes.list'> = {
  async 'audit.list'({ call, query, services }) {
    const { after = 0, limit = DEFAULT_PAGE, action, target } = query;
    const records = await services.store.audit(call.workspace, { after, limit, action, target });
    return { output: { items: records.map(auditView) } };
  },
  async 'audit.verify'({ call, query, services }) {
    const { seq, hash } = query;
    const checkpoint = seq === undefined || hash === undefined ? undefined : { seq, hash };
    return {
      output: await proveChain(services.store, call.workspace, {
        key: services.auditKey,
        checkpoint,
        first: FIRST_ACTION,
      }),
    };
  },
  async 'audit.checkpoint'({ call, services }) {
    const head = await services.store.auditHead(call.workspace);
    return {
      output: { workspace: call.workspace, seq: head?.seq ?? 0, hash: head?.hash ?? GENESIS, at: time(call.now) },
    };
  },
  async 'changes.list'({ call, query, services }) {
    const { since = 0, mark, limit = DEFAULT_PAGE } = query;
    if (mark !== undefined && (await knownPlace(services.store, { seq: since, mark })) === undefined)
      throw new Refusal('conflict', 'the feed has another change with this number: begin anew');
    // Read first: what is committed in between is in the next page, not lost between the two.
    const latest = await services.store.latestChange();
    const changes = await services.store.changes({ workspace: call.workspace, since, limit });
    return { output: { items: changes.map(changeView), latest: Math.max(latest, changes.at(-1)?.seq ?? 0) } };
  },
};

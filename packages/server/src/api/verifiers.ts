/** What verifiers in other processes ask and tell, and who of them has heard. */
import type { Output } from '@tessera/contract';
import { factsToWire } from '@tessera/verify';
import { confirmed } from '../core/caller.ts';
import { lookUp } from '../core/lookups.ts';
import { notFound } from '../core/refusal.ts';
import { noticesOf } from '../core/signed/notices-of.ts';
import { confirmations } from '../core/verifiers/confirmations.ts';
import { addReportedUsage } from '../core/verifiers/reported-usage.ts';
import { digestOf } from './digest.ts';
import type { ReadHandlers } from './services.ts';
import { changeView, time } from './views.ts';

const NOTICES = 1000;

type Facts = Output<'lookups.find'>['items'][number]['facts'];

export const verifierReads: ReadHandlers<
  'lookups.find' | 'notices.list' | 'usage.report' | 'positions.report' | 'positions.withdraw' | 'changes.confirmations'
> = {
  async 'lookups.find'({ call, body: { digests }, services }) {
    const { seq, facts, imports } = await lookUp(services.store, call.workspace, digests.map(digestOf));
    const items = digests.slice(0, facts.length).map((digest, index) => {
      const found = facts[index];
      // The same members, but for lists that may be written to: the schema sees to them on their way out.
      return { digest, facts: found === undefined ? null : (factsToWire(found) as Facts) };
    });
    return { output: { seq, items, imports: [...imports] } };
  },
  async 'notices.list'({ call, query, services: { store } }) {
    const [until, seq] = query.after?.split('.').map(Number) ?? [];
    const page = { until: until ?? call.now, seq: seq ?? Number.MAX_SAFE_INTEGER, limit: query.limit ?? NOTICES };
    const told = await noticesOf(store, call.workspace, page);
    const { at, items } = told;
    return {
      output: {
        seq: at,
        workspace: call.workspace,
        keys: told.keys.map((jwk) => ({ ...jwk })),
        items: items.map((item) => ({ ...changeView(item), signedUntil: time(item.signedUntil) })),
        next: told.next === undefined ? null : `${told.next.until}.${told.next.seq}`,
      },
    };
  },
  async 'usage.report'({ call, body, services }) {
    const uses = body.uses.map(({ digest, at }) => ({ digest: digestOf(digest), at }));
    const counted = await services.store.writeAside(async (tx) =>
      addReportedUsage(tx, await confirmed(tx, call), { ...body, uses }),
    );
    return { output: { counted } };
  },
  async 'positions.report'({ call, body: { verifier, seq }, services }) {
    services.positions.report({ workspace: call.workspace, token: call.actor.token, verifier, seq });
    return { output: {} };
  },
  async 'positions.withdraw'({ call, body: { verifier }, services }) {
    await services.positions.withdraw({ workspace: call.workspace, token: call.actor.token, verifier });
    return { output: {} };
  },
  async 'changes.confirmations'({ call, params, services }) {
    const seq = /^[0-9]{1,15}$/.test(params.seq) ? Number(params.seq) : undefined;
    const found = seq === undefined ? undefined : await confirmations(services.store, call.workspace, seq);
    if (found === undefined) throw notFound('change');
    return { output: found };
  },
};

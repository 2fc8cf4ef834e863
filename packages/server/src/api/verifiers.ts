/** What verifiers in other processes ask and tell. */
import type { Output } from '@tessera/contract';
import { factsToWire } from '@tessera/verify';
import { lookUp } from '../core/lookups.ts';
import { digestOf } from './digest.ts';
import type { ReadHandlers } from './services.ts';

type Facts = Output<'lookups.find'>['items'][number]['facts'];

export const verifierReads: ReadHandlers<'lookups.find'> = {
  async 'lookups.find'({ call, body: { digests }, services }) {
    const keys = digests.map(digestOf);
    const { seq, facts, imports } = await lookUp(services.store, call.workspace, keys);
    const items = digests.map((digest, index) => {
      const found = facts[index];
      // The same members, but for lists that may be written to: the schema sees to them on their way out.
      return { digest, facts: found === undefined ? null : (factsToWire(found) as Facts) };
    });
    return { output: { seq, items, imports: [...imports] } };
  },
};

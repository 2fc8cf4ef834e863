/** `tessera changes`: the ordered list of what changed, which caches follow. */
import type { Output } from '@tessera/contract';
import type { Command } from 'commander';
import { withExamples } from '../examples.ts';
import type { Context } from '../invocation.ts';
import { addTail } from './tail.ts';

type Change = Output<'changes.list'>['items'][number];

export function defineChanges(group: Command, context: Context): void {
  withExamples(group, ['tessera changes tail --follow']);
  addTail<Change>(group, context, {
    noun: 'changes',
    description: 'show the last changes, and follow them',
    show: (items) => ({
      data: { items },
      view: {
        kind: 'rows',
        columns: ['seq', 'at', 'kind', 'id'],
        rows: items.map(({ seq, at, kind, id }) => [seq, at, kind, id]),
      },
      quiet: items.map(({ id }) => id),
    }),
    latest: async (client) => (await client.changes.list({ limit: 1 })).latest,
    after: (client, since) => client.changes.listAll({ since }),
    follow: (client, since) => client.followChanges({ since }),
  });
}

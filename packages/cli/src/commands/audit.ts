/** `tessera audit`: read, follow and prove the audit log. */
import type { Client } from '@tessera/client';
import type { Output } from '@tessera/contract';
import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { withExamples } from '../examples.ts';
import { wholeNumber } from '../flags/repeatable.ts';
import { polled } from '../follow.ts';
import type { Context } from '../invocation.ts';
import type { Answer } from '../output/answer.ts';
import { parseJson, readDocument } from '../read-input.ts';
import { addTail } from './tail.ts';

type AuditRecord = Output<'audit.list'>['items'][number];

interface FilterOptions {
  readonly action?: string;
  readonly target?: string;
}

export function defineAudit(group: Command, context: Context): void {
  withExamples(group, ['tessera audit tail --follow', 'tessera audit verify']);
  addTail<AuditRecord, FilterOptions>(group, context, {
    noun: 'audit',
    description: 'show the last records of the audit log, and follow it',
    show: showRecords,
    latest: async (client) => (await client.audit.checkpoint()).seq,
    after: recordsAfter,
    follow: (client, seq, options) =>
      polled(seq, (last) => recordsAfter(client, last, options), context.edge.interrupted),
  })
    .option('--action <action>', 'only this action, such as token.revoke')
    .option('--target <id>', 'only what was done to this object');
  addList(group, context);
  addVerify(group, context);
  addCheckpoint(group, context);
}

function recordsAfter(client: Client, after: number, { action, target }: FilterOptions): AsyncIterable<AuditRecord> {
  return client.audit.listAll({ after, action, target });
}

function addList(group: Command, context: Context): void {
  const command = group
    .command('list')
    .description('read the audit log in order')
    .option('--after <seq>', 'records with a higher number; default 0', wholeNumber(0))
    .option('--limit <n>', 'how many, at most 1000; default 100', wholeNumber(1))
    .option('--action <action>', 'only this action, such as token.revoke')
    .option('--target <id>', 'only what was done to this object')
    .action(
      context.action<FilterOptions & { readonly after?: number; readonly limit?: number }>(
        async ({ client, options: { after, limit, action, target } }) => {
          const signedIn = await client();
          return showRecords((await signedIn.audit.list({ after, limit, action, target })).items);
        },
      ),
    );
  withExamples(command, ['tessera audit list --target tok_01k3zq4v8e7m', 'tessera audit list --after 1000 -o ndjson']);
}

function addVerify(group: Command, context: Context): void {
  const command = group
    .command('verify')
    .description('prove the chain of the audit log; exit code 1 when a record was changed, moved or cut')
    .option('--checkpoint <file>', 'also prove that nothing up to this checkpoint was cut or replaced; - is stdin')
    .action(
      context.action<{ readonly checkpoint?: string }>(async ({ client, edge, options }) => {
        const { checkpoint } = options;
        const known = checkpoint === undefined ? undefined : readCheckpoint(await readDocument(edge, checkpoint));
        const signedIn = await client();
        const proof = await signedIn.audit.verify(known);
        return {
          data: proof,
          view: {
            kind: 'fields',
            fields: [
              ['ok', proof.ok],
              ['records', proof.records],
              ['first bad', proof.firstBad],
              ['reason', proof.reason],
            ],
          },
          quiet: [],
          exit: proof.ok ? 'ok' : 'no',
        };
      }),
    );
  withExamples(command, ['tessera audit verify', 'tessera audit verify --checkpoint checkpoint.json']);
}

function addCheckpoint(group: Command, context: Context): void {
  const command = group
    .command('checkpoint')
    .description('print where the chain stands now; keep it elsewhere, for `audit verify --checkpoint`')
    .action(
      context.action(async ({ client }) => {
        const signedIn = await client();
        const { workspace, seq, hash, at } = await signedIn.audit.checkpoint();
        return {
          data: { workspace, seq, hash, at },
          view: {
            kind: 'fields',
            fields: [
              ['workspace', workspace],
              ['seq', seq],
              ['hash', hash],
              ['at', at],
            ],
          },
          quiet: [hash],
        };
      }),
    );
  withExamples(command, ['tessera audit checkpoint --json > checkpoint.json']);
}

function showRecords(items: readonly AuditRecord[]): Answer {
  return {
    data: { items },
    view: {
      kind: 'rows',
      columns: ['seq', 'at', 'action', 'target', 'outcome', 'actor', 'address'],
      rows: items.map(({ seq, at, action, target, outcome, actor, address }) => [
        seq,
        at,
        action,
        target?.id,
        outcome,
        actor.token ?? actor.kind,
        address,
      ]),
    },
    quiet: items.map(({ hash }) => hash),
  };
}

function readCheckpoint(text: string): { readonly seq: number; readonly hash: string } {
  const value = parseJson(text, 'the checkpoint');
  if (typeof value === 'object' && value !== null && 'seq' in value && 'hash' in value) {
    const { seq, hash } = value;
    if (typeof seq === 'number' && typeof hash === 'string') return { seq, hash };
  }
  throw new CommandError(
    'usage',
    'the checkpoint must have seq and hash',
    'tessera audit checkpoint --json makes one.',
  );
}

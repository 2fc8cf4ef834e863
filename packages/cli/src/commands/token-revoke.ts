/** `tessera token revoke`: ends a token, and tells who has heard of it. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@tessera/client';
import type { Output } from '@tessera/contract';
import type { Command } from 'commander';
import { withExamples } from '../examples.ts';
import { parseDuration } from '../flags/duration.ts';
import type { Context } from '../invocation.ts';
import { idOf, objectId, showOne } from './resource.ts';
import { tokenResource } from './token-resource.ts';

interface RevokeOptions {
  readonly reason?: string;
  readonly wait?: number;
}

type Confirmations = Output<'changes.confirmations'>;
type Count = Confirmations['nodes'];

const DEFAULT_WAIT_SECONDS = 5;
/** Nodes and verifiers report some moments after a change, and once a second while more come. */
const ASK_EVERY_MS = 200;

export function addRevoke(group: Command, context: Context): void {
  const command = group
    .command('revoke')
    .description('revoke a token, for good, and tell how many nodes and verifiers have heard of it')
    .argument('<id>', 'id of the token', objectId)
    .option('--reason <text>', 'why, for the audit log')
    .option('--wait <duration>', 'how long to wait until all have heard; default 5s, 0 does not wait', parseDuration)
    .option('-y, --yes', 'do not ask')
    .action(
      context.action<RevokeOptions>(async (run) => {
        const id = idOf(run);
        await run.confirm(`Revoke token ${id} for good?`);
        const client = await run.client();
        const { reason, wait: seconds = DEFAULT_WAIT_SECONDS } = run.options;
        const revoked = await client.tokens.revoke(id, { reason });
        const answer = showOne(tokenResource, revoked);
        return seconds === 0 ? answer : { ...answer, notes: [await heardOf(client, seconds * 1000)] };
      }),
    );
  withExamples(command, [
    'tessera token revoke tok_01k3zq4v8e7m',
    'tessera token revoke tok_01k3zq4v8e7m --yes --reason "found in a log"',
    'tessera token revoke tok_01k3zq4v8e7m --yes --wait 30s',
  ]);
}

/** The token is revoked, whatever becomes of this: nothing that fails here is a failure of the command. */
async function heardOf(client: Client, waitMs: number): Promise<string> {
  try {
    const told = await confirmed(client, waitMs);
    const { nodes, verifiers } = told;
    const so = `Confirmed by ${counted(nodes, 'node')} and ${counted(verifiers, 'verifier')}.`;
    return isByAll(told) ? so : `${so} The others refuse what they cannot check anew within the staleness bound.`;
  } catch (error) {
    return `How many nodes and verifiers have confirmed is not known: ${await reasonOf(error)}`;
  }
}

async function reasonOf(error: unknown): Promise<string> {
  // Not with this file: commands beside this one work offline, and load no client.
  const { TesseraError } = await import('@tessera/client');
  if (!(error instanceof TesseraError)) return 'the server answered something else';
  return error.status === 403 ? 'your token lacks the scope changes:read' : error.message;
}

async function confirmed(client: Client, waitMs: number): Promise<Confirmations> {
  const deadline = performance.now() + waitMs;
  // No older than the revocation, which was acknowledged before.
  const { latest } = await client.changes.list({ limit: 1 });
  for (;;) {
    const told = await client.changes.confirmations(latest);
    if (isByAll(told) || performance.now() + ASK_EVERY_MS > deadline) return told;
    await wait(ASK_EVERY_MS);
  }
}

function isByAll({ nodes, verifiers }: Confirmations): boolean {
  return nodes.confirmed === nodes.total && verifiers.confirmed === verifiers.total;
}

function counted({ confirmed, total }: Count, what: string): string {
  return `${confirmed} of ${total} ${total === 1 ? what : `${what}s`}`;
}

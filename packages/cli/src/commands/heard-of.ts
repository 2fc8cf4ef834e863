/** Who has heard of a revocation: waits until all have, for as long as it may. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@tessera/client';
import type { Output } from '@tessera/contract';

type Confirmations = Output<'changes.confirmations'>;
type Count = Confirmations['nodes'];

export const DEFAULT_WAIT_SECONDS = 5;
/** Nodes and verifiers report some moments after a change, and once a second while more come. */
const ASK_EVERY_MS = 200;

/** It is revoked, whatever becomes of this: nothing that fails here is a failure of the command. */
export async function heardOf(client: Client, waitMs: number): Promise<string> {
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

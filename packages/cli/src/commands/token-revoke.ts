/** `tessera token revoke`: ends a token, and tells who has heard of it. */
import type { Command } from 'commander';
import { withExamples } from '../examples.ts';
import { parseDuration } from '../flags/duration.ts';
import type { Context } from '../invocation.ts';
import { DEFAULT_WAIT_SECONDS, heardOf } from './heard-of.ts';
import { idOf, objectId, showOne } from './resource.ts';
import { tokenResource } from './token-resource.ts';

interface RevokeOptions {
  readonly reason?: string;
  readonly wait?: number;
}

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

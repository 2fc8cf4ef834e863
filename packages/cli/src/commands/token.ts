/** `tessera token`: the life of a token. */
import { type Command, Option } from 'commander';
import { withExamples } from '../examples.ts';
import { parseDuration } from '../flags/duration.ts';
import type { Context } from '../invocation.ts';
import { addList, addShow, idOf, objectId, showOne } from './resource.ts';
import { addCreate, addUpdate } from './token-create.ts';
import { addExchange } from './token-exchange.ts';
import { addImport } from './token-import.ts';
import { addInspect } from './token-inspect.ts';
import { showSecret, type Token, tokenResource } from './token-resource.ts';
import { addRevoke } from './token-revoke.ts';
import { addVerify } from './token-verify.ts';

interface ListOptions {
  readonly parent?: string;
  readonly owner?: string;
  readonly api?: string;
  readonly status?: Token['status'];
  readonly search?: string;
}

export function defineToken(group: Command, context: Context): void {
  withExamples(group, [
    'tessera token create --name "CI deploy" --scope orders:read --expires 30d',
    'echo "$KEY" | tessera token verify',
    'tessera token list --status active',
    'tessera token revoke tok_01k3zq4v8e7m',
  ]);
  addCreate(group, context);
  addList<Token, ListOptions>(group, context, {
    resource: tokenResource,
    list: ({ tokens }, { owner, api, parent, status, search }) => ({
      page: (query) => tokens.list({ ...query, owner, api, parent, status, q: search }),
      all: (query) => tokens.listAll({ ...query, owner, api, parent, status, q: search }),
    }),
  })
    .option('--owner <id>', 'only of this owner')
    .option('--api <id|audience>', 'only for this api')
    .option('--parent <id>', 'only those that descend directly from this token')
    .addOption(
      new Option('--status <status>', 'only in this state').choices([
        'active',
        'disabled',
        'expired',
        'revoked',
        'not_yet_valid',
      ]),
    )
    .option('--search <text>', 'part of the name, or a whole id, fingerprint or last four characters');
  addShow(group, context, { resource: tokenResource, get: (client, id) => client.tokens.get(id) });
  addUpdate(group, context);
  addRotate(group, context);
  addCancelRotation(group, context);
  addRevoke(group, context);
  addVerify(group, context);
  addExchange(group, context);
  addInspect(group, context);
  addImport(group, context);
}

function addRotate(group: Command, context: Context): void {
  const command = group
    .command('rotate')
    .description('give a token a new secret; the old one stays valid for a while')
    .argument('<id>', 'id of the token', objectId)
    .option('--grace <duration>', 'how long the old secret stays valid; default 1d, 0 ends it now', parseDuration)
    .addOption(
      new Option('--activate <when>', 'when the new secret counts and the grace starts; default now').choices([
        'now',
        'first-use',
      ]),
    )
    .action(
      context.action<{ readonly grace?: number; readonly activate?: 'now' | 'first-use' }>(async (run) => {
        const { grace, activate } = run.options;
        const client = await run.client();
        return showSecret(await client.tokens.rotate(idOf(run), { graceSeconds: grace, activate }));
      }),
    );
  withExamples(command, [
    'tessera token rotate tok_01k3zq4v8e7m',
    'tessera token rotate tok_01k3zq4v8e7m --grace 1h',
    'NEW=$(tessera token rotate tok_01k3zq4v8e7m --activate first-use --quiet)',
  ]);
}

function addCancelRotation(group: Command, context: Context): void {
  const command = group
    .command('cancel-rotation')
    .description('undo a rotation while its grace period runs: the new secret is refused from now on')
    .argument('<id>', 'id of the token', objectId)
    .action(
      context.action(async (run) => {
        const client = await run.client();
        return showOne(tokenResource, await client.tokens.cancelRotation(idOf(run)));
      }),
    );
  withExamples(command, ['tessera token cancel-rotation tok_01k3zq4v8e7m']);
}

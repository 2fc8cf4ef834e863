/** `tessera role`: named sets of scopes and address ranges. */
import type { Output } from '@tessera/contract';
import { type Command, Option } from 'commander';
import { withExamples } from '../examples.ts';
import { collectScopes, parseRange, repeatable } from '../flags/repeatable.ts';
import type { Context } from '../invocation.ts';
import { addDelete, addList, addShow, idOf, objectId, type Resource, showOne } from './resource.ts';

type Role = Output<'roles.get'>;

interface SharedOptions {
  readonly scope?: string[];
  readonly allow?: string[];
  readonly deny?: string[];
}

interface UpdateOptions extends SharedOptions {
  readonly name?: string;
  readonly clear?: readonly ('scopes' | 'ip')[];
  readonly ifMatch?: string;
}

const resource: Resource<Role> = {
  noun: 'role',
  columns: [
    ['id', ({ id }) => id],
    ['name', ({ name }) => name],
    ['scopes', ({ scopes }) => scopes],
  ],
  fields: [
    ['id', ({ id }) => id],
    ['name', ({ name }) => name],
    ['scopes', ({ scopes }) => scopes],
    ['allow', ({ ip }) => ip.allow],
    ['deny', ({ ip }) => ip.deny],
    ['created', ({ createdAt }) => createdAt],
    ['updated', ({ updatedAt }) => updatedAt],
  ],
};

export function defineRole(group: Command, context: Context): void {
  withExamples(group, ['tessera role create --name reader --scope orders:read', 'tessera role list']);
  addCreate(group, context);
  addList<Role>(group, context, { resource, list: ({ roles }) => ({ page: roles.list, all: roles.listAll }) });
  addShow(group, context, { resource, get: (client, id) => client.roles.get(id) });
  addUpdate(group, context);
  addDelete(group, context, {
    noun: 'role',
    description: 'delete a role and take it from its owners',
    remove: (client, id) => client.roles.delete(id),
  });
}

function addCreate(group: Command, context: Context): void {
  const command = group
    .command('create')
    .description('create a role')
    .requiredOption('--name <name>', 'a name for people');
  addShared(command).action(
    context.action<SharedOptions & { readonly name: string }>(async ({ client, options }) => {
      const { name, scope = [] } = options;
      const signedIn = await client();
      return showOne(resource, await signedIn.roles.create({ name, scopes: scope, ip: addresses(options) }));
    }),
  );
  withExamples(command, ['tessera role create --name reader --scope orders:read --allow 10.0.0.0/8']);
}

function addUpdate(group: Command, context: Context): void {
  const command = group
    .command('update')
    .description('change a role, and with it what its owners may do')
    .argument('<id>', 'id of the role', objectId)
    .option('--name <name>', 'a name for people');
  addShared(command)
    .addOption(new Option('--clear <what...>', 'empty these').choices(['scopes', 'ip']))
    .option('--if-match <etag>', 'only if it is still the version that you have seen')
    .action(
      context.action<UpdateOptions>(async (run) => {
        const { name, scope, clear = [], ifMatch } = run.options;
        const cleared = Object.fromEntries(clear.map((what) => [what, emptied[what]]));
        const client = await run.client();
        const body = { name, scopes: scope, ip: addresses(run.options), ...cleared };
        return showOne(resource, await client.roles.update(idOf(run), body, { ifMatch }));
      }),
    );
  withExamples(command, ['tessera role update role_01k3zq4v8e7m --scope orders:read --scope orders:write']);
}

const emptied = { scopes: [], ip: {} } as const;

function addShared(command: Command): Command {
  return command
    .option('--scope <scope>', 'what its owners may do; repeat for more', collectScopes)
    .option('--allow <cidr>', 'only from this address range; repeat for more', repeatable(parseRange))
    .option('--deny <cidr>', 'never from this address range; repeat for more', repeatable(parseRange));
}

function addresses({ allow, deny }: SharedOptions) {
  return allow === undefined && deny === undefined ? undefined : { allow, deny };
}

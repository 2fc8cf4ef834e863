/** `tessera owner`: whom tokens stand for. */
import type { Output } from '@tessera/contract';
import { type Command, Option } from 'commander';
import { withExamples } from '../examples.ts';
import { parseQuota, type Quota } from '../flags/limit.ts';
import { fromPairs, parsePair, repeatable } from '../flags/repeatable.ts';
import type { Context } from '../invocation.ts';
import { addDelete, addList, addShow, idOf, objectId, type Resource, showOne } from './resource.ts';

type Owner = Output<'owners.get'>;

interface SharedOptions {
  readonly role?: string[];
  readonly quota?: Quota;
  readonly meta?: (readonly [string, string])[];
}

interface UpdateOptions extends SharedOptions {
  readonly name?: string;
  readonly enable?: boolean;
  readonly disable?: boolean;
  readonly clear?: readonly ('roles' | 'quota' | 'meta')[];
  readonly ifMatch?: string;
}

const types = ['user', 'service', 'customer'] as const;

const resource: Resource<Owner> = {
  noun: 'owner',
  columns: [
    ['id', ({ id }) => id],
    ['type', ({ type }) => type],
    ['name', ({ name }) => name],
    ['enabled', ({ enabled }) => enabled],
    ['roles', ({ roles }) => roles],
  ],
  fields: [
    ['id', ({ id }) => id],
    ['type', ({ type }) => type],
    ['name', ({ name }) => name],
    ['enabled', ({ enabled }) => enabled],
    ['roles', ({ roles }) => roles],
    ['quota', ({ quota }) => (quota === null ? null : `${quota.limit}/${quota.period}`)],
    ['metadata', ({ metadata }) => Object.entries(metadata).map(([key, value]) => `${key}=${value}`)],
    ['created', ({ createdAt }) => createdAt],
    ['updated', ({ updatedAt }) => updatedAt],
  ],
};

export function defineOwner(group: Command, context: Context): void {
  withExamples(group, [
    'tessera owner create --name "Acme Ltd" --type customer',
    'tessera owner update own_01k3zq4v8e7m --disable',
  ]);
  addCreate(group, context);
  addList<Owner, { readonly type?: Owner['type']; readonly search?: string }>(group, context, {
    resource,
    list: ({ owners }, { type, search }) => ({
      page: (query) => owners.list({ ...query, type, q: search }),
      all: (query) => owners.listAll({ ...query, type, q: search }),
    }),
  })
    .addOption(new Option('--type <type>', 'only of this type').choices(types))
    .option('--search <text>', 'part of the name');
  addShow(group, context, { resource, get: (client, id) => client.owners.get(id) });
  addUpdate(group, context);
  addDelete(group, context, {
    noun: 'owner',
    description: 'delete an owner: its tokens are revoked and kept',
    remove: (client, id) => client.owners.delete(id),
  });
}

function addCreate(group: Command, context: Context): void {
  const command = group
    .command('create')
    .description('create an owner; giving roles needs `admin`')
    .requiredOption('--name <name>', 'a name for people')
    .addOption(new Option('--type <type>', 'what it is').choices(types).makeOptionMandatory());
  addShared(command).action(
    context.action<SharedOptions & { readonly name: string; readonly type: Owner['type'] }>(
      async ({ client, options }) => {
        const { name, type } = options;
        const signedIn = await client();
        return showOne(resource, await signedIn.owners.create({ name, type, ...shared(options) }));
      },
    ),
  );
  withExamples(command, [
    'tessera owner create --name "Acme Ltd" --type customer --quota 10000/day',
    'OWNER=$(tessera owner create --name deploy --type service --quiet)',
  ]);
}

function addUpdate(group: Command, context: Context): void {
  const command = group
    .command('update')
    .description('change, disable or enable an owner; while it is disabled every token of it is refused')
    .argument('<id>', 'id of the owner', objectId)
    .option('--name <name>', 'a name for people');
  addShared(command)
    .option('--enable', 'let its tokens be used again')
    .addOption(new Option('--disable', 'refuse its tokens until it is enabled again').conflicts('enable'))
    .addOption(new Option('--clear <what...>', 'empty these').choices(['roles', 'quota', 'meta']))
    .option('--if-match <etag>', 'only if it is still the version that you have seen')
    .action(
      context.action<UpdateOptions>(async (run) => {
        const { name, enable, disable, clear = [], ifMatch } = run.options;
        const cleared = Object.fromEntries(clear.map((what) => [what === 'meta' ? 'metadata' : what, emptied[what]]));
        const enabled = enable ?? (disable === true ? false : undefined);
        const client = await run.client();
        const body = { name, enabled, ...shared(run.options), ...cleared };
        return showOne(resource, await client.owners.update(idOf(run), body, { ifMatch }));
      }),
    );
  withExamples(command, [
    'tessera owner update own_01k3zq4v8e7m --disable',
    'tessera owner update own_01k3zq4v8e7m --role role_01k3zq4v8e7m',
  ]);
}

const emptied = { roles: [], quota: null, meta: {} } as const;

function addShared(command: Command): Command {
  return command
    .option('--role <id>', 'a role that it has; repeat for more', repeatable(objectId))
    .option('--quota <quota>', 'such as 10000/day or 10000/month', parseQuota)
    .option('--meta <key=value>', 'a text of your own; repeat for more', repeatable(parsePair));
}

function shared({ role, quota, meta }: SharedOptions) {
  return { roles: role, quota, metadata: fromPairs(meta) };
}

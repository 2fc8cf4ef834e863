/** `tessera workspace`: tenants. Most of it needs the root token. */
import type { Output } from '@tessera/contract';
import { type Command, Option } from 'commander';
import { withExamples } from '../examples.ts';
import type { Context } from '../invocation.ts';
import { addDelete, addList, addShow, idOf, objectId, type Resource, showOne } from './resource.ts';

type Workspace = Output<'workspaces.get'>;

const resource: Resource<Workspace> = {
  noun: 'workspace',
  columns: [
    ['id', ({ id }) => id],
    ['name', ({ name }) => name],
    ['enabled', ({ enabled }) => enabled],
    ['created', ({ createdAt }) => createdAt],
  ],
  fields: [
    ['id', ({ id }) => id],
    ['name', ({ name }) => name],
    ['enabled', ({ enabled }) => enabled],
    ['created', ({ createdAt }) => createdAt],
    ['updated', ({ updatedAt }) => updatedAt],
  ],
};

export function defineWorkspace(group: Command, context: Context): void {
  withExamples(group, ['tessera workspace create --name "Team Blue"', 'tessera workspace list']);
  addCreate(group, context);
  addList<Workspace>(group, context, {
    resource,
    list: ({ workspaces }) => ({ page: workspaces.list, all: workspaces.listAll }),
  });
  addShow(group, context, { resource, get: (client, id) => client.workspaces.get(id) });
  addUpdate(group, context);
  addDelete(group, context, {
    noun: 'workspace',
    description: 'delete a workspace: its tokens are revoked, its records are kept (root token)',
    remove: (client, id) => client.workspaces.delete(id),
  });
}

function addCreate(group: Command, context: Context): void {
  const command = group
    .command('create')
    .description('create a workspace, with its default api (root token)')
    .requiredOption('--name <name>', 'a name for people')
    .action(
      context.action<{ readonly name: string }>(async ({ client, options }) => {
        const signedIn = await client();
        return showOne(resource, await signedIn.workspaces.create({ name: options.name }));
      }),
    );
  withExamples(command, ['tessera workspace create --name "Team Blue"']);
}

function addUpdate(group: Command, context: Context): void {
  const command = group
    .command('update')
    .description('rename, suspend or resume a workspace; while it is suspended every token of it is refused')
    .argument('<id>', 'id of the workspace', objectId)
    .option('--name <name>', 'a name for people')
    .option('--resume', 'let its tokens be used again')
    .addOption(new Option('--suspend', 'refuse its tokens until it is resumed (root token)').conflicts('resume'))
    .option('--if-match <etag>', 'only if it is still the version that you have seen')
    .action(
      context.action<{
        readonly name?: string;
        readonly resume?: boolean;
        readonly suspend?: boolean;
        readonly ifMatch?: string;
      }>(async (run) => {
        const { name, resume, suspend, ifMatch } = run.options;
        const enabled = resume ?? (suspend === true ? false : undefined);
        const client = await run.client();
        return showOne(resource, await client.workspaces.update(idOf(run), { name, enabled }, { ifMatch }));
      }),
    );
  withExamples(command, ['tessera workspace update ws_01k3zq4v8e7m --suspend']);
}

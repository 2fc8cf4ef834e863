/** `tessera api`: the apis that tokens are for. */
import type { Output } from '@tessera/contract';
import { type Command, InvalidArgumentError } from 'commander';
import { CommandError } from '../command-error.ts';
import { withExamples } from '../examples.ts';
import { parseDuration } from '../flags/duration.ts';
import { fromPairs, parsePair, repeatable } from '../flags/repeatable.ts';
import type { Context } from '../invocation.ts';
import { addDelete, addList, addShow, idOf, objectId, type Resource, showOne } from './resource.ts';

type Api = Output<'apis.get'>;

interface SettingOptions {
  readonly scope?: (readonly [string, string])[];
  readonly anyScope?: boolean;
  readonly defaultExpiry?: Bound;
  readonly maxExpiry?: Bound;
  readonly jwt?: { readonly profile: JwtProfile };
}

type JwtProfile = Api['jwt'];

/** Commander would turn a bare null into an empty text. */
interface Bound {
  readonly seconds: number | null;
}

const resource: Resource<Api> = {
  noun: 'api',
  columns: [
    ['id', ({ id }) => id],
    ['name', ({ name }) => name],
    ['audience', ({ audience }) => audience],
    ['prefix', ({ prefix }) => prefix],
    ['scopes', ({ scopes }) => (scopes === 'any' ? 'any' : Object.keys(scopes).length)],
  ],
  fields: [
    ['id', ({ id }) => id],
    ['name', ({ name }) => name],
    ['audience', ({ audience }) => audience],
    ['prefix', ({ prefix }) => prefix],
    ['scopes', ({ scopes }) => (scopes === 'any' ? 'any' : Object.keys(scopes))],
    ['default expiry', ({ defaultExpirySeconds }) => secondsText(defaultExpirySeconds)],
    ['maximum expiry', ({ maximumExpirySeconds }) => secondsText(maximumExpirySeconds)],
    ['signed tokens', ({ jwt }) => (jwt === null ? 'EdDSA' : JSON.stringify(jwt))],
    ['built in', ({ builtIn }) => builtIn],
    ['created', ({ createdAt }) => createdAt],
    ['updated', ({ updatedAt }) => updatedAt],
  ],
};

export function defineApi(group: Command, context: Context): void {
  withExamples(group, [
    'tessera api create --name Orders --audience https://orders.example.test --prefix ord',
    'tessera api list',
  ]);
  addCreate(group, context);
  addList<Api>(group, context, { resource, list: ({ apis }) => ({ page: apis.list, all: apis.listAll }) });
  addShow(group, context, { resource, get: (client, id) => client.apis.get(id) });
  addUpdate(group, context);
  addDelete(group, context, {
    noun: 'api',
    description: 'delete an api that has no tokens',
    remove: (client, id) => client.apis.delete(id),
  });
}

function addCreate(group: Command, context: Context): void {
  const command = group
    .command('create')
    .description('create an api')
    .requiredOption('--name <name>', 'a name for people')
    .requiredOption('--audience <audience>', 'what requests name it by, best its URL')
    .requiredOption('--prefix <prefix>', 'what its tokens start with: 2 to 16 lower-case letters or digits');
  addSettings(command).action(
    context.action<SettingOptions & { readonly name: string; readonly audience: string; readonly prefix: string }>(
      async ({ client, options }) => {
        const { name, audience, prefix } = options;
        const signedIn = await client();
        return showOne(resource, await signedIn.apis.create({ name, audience, prefix, ...settings(options) }));
      },
    ),
  );
  withExamples(command, [
    'tessera api create --name Orders --audience https://orders.example.test --prefix ord --scope "orders:read=see orders"',
    `tessera api create --name Carts --audience https://carts.example.test --prefix crt --jwt '{"alg":"ES256"}'`,
  ]);
}

function addUpdate(group: Command, context: Context): void {
  const command = group
    .command('update')
    .description('change an api; a scope that is taken away is taken from every token at once')
    .argument('<id>', 'id of the api', objectId)
    .option('--name <name>', 'a name for people')
    .option('--if-match <etag>', 'only if it is still the version that you have seen');
  addSettings(command).action(
    context.action<SettingOptions & { readonly name?: string; readonly ifMatch?: string }>(async (run) => {
      const { name, ifMatch } = run.options;
      const client = await run.client();
      return showOne(resource, await client.apis.update(idOf(run), { name, ...settings(run.options) }, { ifMatch }));
    }),
  );
  withExamples(command, ['tessera api update api_01k3zq4v8e7m --max-expiry 90d']);
}

function addSettings(command: Command): Command {
  return command
    .option('--scope <scope=meaning>', 'a scope that it defines; repeat for all of them', repeatable(parsePair))
    .option('--any-scope', 'take every well-formed scope')
    .option(
      '--default-expiry <duration>',
      'life of a token that asks for none; `platform` for the default',
      expiry('platform'),
    )
    .option('--max-expiry <duration>', 'longest life of a token; `none` for no bound', expiry('none'))
    .option('--jwt <json>', 'how its signed tokens are made, as JSON; `none`: with EdDSA and nothing more', jwtProfile);
}

function expiry(word: string): (text: string) => Bound {
  return (text) => ({ seconds: text === word ? null : parseDuration(text) });
}

/** What is in it the server checks, and says what is wrong. */
function jwtProfile(text: string): { readonly profile: JwtProfile } {
  if (text === 'none') return { profile: null };
  try {
    return { profile: JSON.parse(text) as JwtProfile };
  } catch {
    throw new InvalidArgumentError('It is not JSON.');
  }
}

function settings({ scope, anyScope, defaultExpiry, maxExpiry, jwt }: SettingOptions) {
  if (anyScope === true && scope !== undefined)
    throw new CommandError('usage', '--scope and --any-scope contradict each other');
  return {
    scopes: anyScope === true ? ('any' as const) : fromPairs(scope),
    defaultExpirySeconds: defaultExpiry?.seconds,
    maximumExpirySeconds: maxExpiry?.seconds,
    jwt: jwt?.profile,
  };
}

function secondsText(seconds: number | null): string | null {
  return seconds === null ? null : `${seconds}s`;
}

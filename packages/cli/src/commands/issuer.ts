/** `tessera issuer`: other servers whose tokens an api accepts. */
import type { BodyInput, Output } from '@tessera/contract';
import { type Command, Option } from 'commander';
import { CommandError } from '../command-error.ts';
import { withExamples } from '../examples.ts';
import { parseDuration } from '../flags/duration.ts';
import { collectScopes, parsePair, repeatable } from '../flags/repeatable.ts';
import type { Context, Invocation } from '../invocation.ts';
import { parseJson, readDocument, readSecret } from '../read-input.ts';
import { addDelete, addList, addShow, idOf, objectId, type Resource, showOne } from './resource.ts';

type Issuer = Output<'issuers.get'>;
type Create = BodyInput<'issuers.create'>;
type Settings = Omit<BodyInput<'issuers.update'>, 'enabled'>;
type Algorithm = NonNullable<Settings['algorithms']>[number];

interface SettingOptions {
  readonly name?: string;
  readonly discovery?: true;
  readonly jwksUrl?: string;
  readonly introspect?: string;
  readonly clientId?: string;
  readonly clientSecretFile?: string;
  readonly clientAuthentication?: 'basic' | 'post';
  readonly prefix?: string;
  readonly audience?: string;
  readonly alg?: Algorithm[];
  readonly type?: string[];
  readonly claim?: (readonly [string, string])[];
  readonly scope?: string[];
  readonly scopeClaim?: string;
  readonly scopePrefix?: string;
  readonly owner?: string;
  readonly ownerClaim?: string;
  readonly ownerMetadata?: string;
  readonly maxLife?: number;
  readonly rules?: string;
}

const ALGORITHMS: readonly Algorithm[] = ['EdDSA', 'ES256', 'PS256', 'RS256'];

const resource: Resource<Issuer> = {
  noun: 'issuer',
  columns: [
    ['id', ({ id }) => id],
    ['issuer', ({ issuer }) => issuer],
    ['api', ({ api }) => api],
    ['enabled', ({ enabled }) => enabled],
  ],
  fields: [
    ['id', ({ id }) => id],
    ['name', ({ name }) => name],
    ['issuer', ({ issuer }) => issuer],
    ['api', ({ api }) => api],
    ['method', ({ method }) => JSON.stringify(method)],
    ['audience', ({ audience }) => audience],
    ['algorithms', ({ algorithms }) => algorithms],
    ['token types', ({ tokenTypes }) => tokenTypes],
    ['required claims', ({ requiredClaims }) => Object.entries(requiredClaims).map(pairText)],
    ['scopes', ({ scopes }) => scopes.map((rule) => JSON.stringify(rule))],
    ['owner', ({ owner }) => owner && JSON.stringify(owner)],
    ['longest life', ({ maxLifetimeSeconds }) => `${maxLifetimeSeconds}s`],
    ['enabled', ({ enabled }) => enabled],
    ['created', ({ createdAt }) => createdAt],
    ['updated', ({ updatedAt }) => updatedAt],
  ],
};

export function defineIssuer(group: Command, context: Context): void {
  withExamples(group, ['tessera issuer list', 'tessera issuer revoke iss_01k3zq4v8e7m --sub build-7']);
  addCreate(group, context);
  addList<Issuer>(group, context, { resource, list: ({ issuers }) => ({ page: issuers.list, all: issuers.listAll }) });
  addShow(group, context, { resource, get: (client, id) => client.issuers.get(id) });
  addUpdate(group, context);
  addRevoke(group, context);
  addDelete(group, context, {
    noun: 'issuer',
    description: 'accept its tokens no more',
    remove: (client, id) => client.issuers.delete(id),
  });
}

function addCreate(group: Command, context: Context): void {
  const command = group
    .command('create')
    .description(
      'accept the tokens of another issuer for an api; its keys are found by discovery, unless told otherwise',
    )
    .requiredOption('--issuer <iss>', 'exactly what its tokens have as `iss`')
    .requiredOption('--api <api>', 'id or audience of the api that accepts them');
  addSettings(command).action(
    context.action<SettingOptions & { readonly issuer: string; readonly api: string }>(async (run) => {
      const { issuer, api } = run.options;
      const { method = { discovery: true }, ...rest } = await settings(run);
      const client = await run.client();
      return showOne(resource, await client.issuers.create({ issuer, api, method, ...rest } as Create));
    }),
  );
  withExamples(command, [
    'tessera issuer create --api https://orders.example.test --issuer https://token.actions.githubusercontent.com --type JWT --alg RS256 --claim repository=acme/shop --scope orders:write',
    'tessera issuer create --api https://orders.example.test --issuer https://login.example.test --scope-claim scope --scope-prefix orders/',
  ]);
}

function addUpdate(group: Command, context: Context): void {
  const command = group
    .command('update')
    .description('change, disable or enable an issuer; what is not named stays')
    .argument('<id>', 'id of the issuer', objectId)
    .option('--discovery', 'find its keys by discovery')
    .option('--enable', 'accept its tokens again')
    .addOption(new Option('--disable', 'refuse its tokens until it is enabled again').conflicts('enable'))
    .option('--if-match <etag>', 'only if it is still the version that you have seen');
  addSettings(command).action(
    context.action<
      SettingOptions & { readonly enable?: boolean; readonly disable?: boolean; readonly ifMatch?: string }
    >(async (run) => {
      const { enable, disable, ifMatch } = run.options;
      const enabled = enable ?? (disable === true ? false : undefined);
      const body = { ...(await settings(run)), enabled };
      const client = await run.client();
      return showOne(resource, await client.issuers.update(idOf(run), body, { ifMatch }));
    }),
  );
  withExamples(command, ['tessera issuer update iss_01k3zq4v8e7m --disable']);
}

function addRevoke(group: Command, context: Context): void {
  const command = group
    .command('revoke')
    .description('refuse one of its tokens, those of a subject, or all that were issued before; for good')
    .argument('<id>', 'id of the issuer', objectId)
    .addOption(new Option('--jti <id>', 'the token with this `jti`').conflicts(['sub', 'issuedBefore']))
    .option('--sub <subject>', 'the tokens of this subject')
    .option('--issued-before <time>', 'as far as they were issued before (RFC 3339); with --sub by default now')
    .action(
      context.action<{ readonly jti?: string; readonly sub?: string; readonly issuedBefore?: string }>(async (run) => {
        const { jti, sub, issuedBefore } = run.options;
        const id = idOf(run);
        const data = await (await run.client()).issuers.revoke(id, { jti, sub, issuedBefore });
        const which = data.jti === null ? `issued before ${data.issuedBefore}` : `with jti ${data.jti}`;
        const text = `Tokens of ${data.issuer}${data.sub === null ? '' : ` for ${data.sub}`} ${which} are refused.`;
        return { data, view: { kind: 'text', text }, quiet: [id] };
      }),
    );
  withExamples(command, [
    'tessera issuer revoke iss_01k3zq4v8e7m --jti 4f1c9a',
    'tessera issuer revoke iss_01k3zq4v8e7m --issued-before 2027-02-20T12:00:00Z',
  ]);
}

function addSettings(command: Command): Command {
  return command
    .option('--name <name>', 'a name for people')
    .addOption(new Option('--jwks-url <url>', 'where its keys are').conflicts('introspect'))
    .option('--introspect <url>', 'ask it about each token at this URL (RFC 7662)')
    .option('--client-id <id>', 'who asks')
    .option('--client-secret-file <file>', 'file of the client secret; - is stdin')
    .addOption(new Option('--client-authentication <how>', 'how the secret is sent').choices(['basic', 'post']))
    .option('--prefix <text>', 'what its opaque tokens start with')
    .option('--audience <aud>', 'what `aud` must contain; default the audience of the api')
    .addOption(new Option('--alg <algorithm...>', 'what may sign').choices(ALGORITHMS))
    .option('--type <typ...>', 'accepted values of the header `typ`, such as JWT; `absent`: none')
    .option('--claim <name=value>', 'a claim that must hold; repeat a name for any of several', repeatable(parsePair))
    .option('--scope <scope>', 'a scope that every one of its tokens has; repeat for more', collectScopes)
    .option('--scope-claim <claim>', 'the claim that tells scopes')
    .option('--scope-prefix <text>', 'with --scope-claim: what those begin with that are ours')
    .addOption(new Option('--owner <id>', 'whom its tokens stand for').conflicts('ownerClaim'))
    .option('--owner-claim <claim>', 'the claim that tells the owner: its id, or what --owner-metadata holds')
    .option('--owner-metadata <key>', 'with --owner-claim: the key of the owner’s metadata')
    .option('--max-life <duration>', 'how long a token counts at most; default 1d', parseDuration)
    .option('--rules <file>', 'JSON of further members of the request, such as `scopes` with tables; - is stdin');
}

async function settings({ edge, options }: Invocation<SettingOptions>): Promise<Settings> {
  const { name, audience, alg, type, claim, owner, maxLife, rules } = options;
  // What the file holds is for the server to judge.
  const written = rules === undefined ? {} : (parseJson(await readDocument(edge, rules), rules) as Settings);
  const scopes = scopeRules(options);
  const told: Settings = {
    name,
    method: await methodOf(options, edge),
    audience,
    algorithms: alg,
    tokenTypes: type,
    requiredClaims: claim && claimsOf(claim),
    owner: owner === undefined ? ownerClaim(options) : { id: owner },
    maxLifetimeSeconds: maxLife,
    ...(scopes.length > 0 && { scopes: [...(written.scopes ?? []), ...scopes] }),
  };
  return { ...written, ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)) };
}

async function methodOf(options: SettingOptions, edge: Invocation<object>['edge']): Promise<Settings['method']> {
  const { discovery, jwksUrl, introspect: url, clientId, clientSecretFile: file } = options;
  const { clientAuthentication: authentication, prefix } = options;
  if (jwksUrl !== undefined) return { jwksUrl };
  if (discovery === true) return { discovery };
  if (url === undefined) return undefined;
  if (clientId === undefined || file === undefined)
    throw new CommandError('usage', '--introspect needs --client-id and --client-secret-file');
  const clientSecret = await readSecret(edge, { file, what: 'The client secret', mayAsk: false });
  return { introspection: { url, clientId, clientSecret, authentication, prefix } };
}

function scopeRules({ scope, scopeClaim, scopePrefix = '' }: SettingOptions): NonNullable<Settings['scopes']> {
  return [
    ...(scope === undefined ? [] : [{ scopes: scope }]),
    ...(scopeClaim === undefined ? [] : [{ claim: scopeClaim, prefix: scopePrefix }]),
  ];
}

function ownerClaim({ ownerClaim: claim, ownerMetadata: metadata }: SettingOptions): Settings['owner'] {
  return claim === undefined ? undefined : { claim, metadata };
}

function claimsOf(pairs: readonly (readonly [string, string])[]): Settings['requiredClaims'] {
  const names = [...new Set(pairs.map(([name]) => name))];
  return Object.fromEntries(
    names.map((name) => {
      const values = pairs.filter(([other]) => other === name).map(([, value]) => value);
      return [name, values.length === 1 ? (values[0] ?? '') : values];
    }),
  );
}

function pairText([name, value]: readonly [string, Issuer['requiredClaims'][string]]): string {
  return `${name}=${Array.isArray(value) ? value.join('|') : value}`;
}

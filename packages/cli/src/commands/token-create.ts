/** `tessera token create` and `update`: what a token is, as flags. */
import { type Command, Option } from 'commander';
import { CommandError } from '../command-error.ts';
import { withExamples } from '../examples.ts';
import { type Expiry, expiryTime, parseExpiry, parseTime } from '../flags/duration.ts';
import {
  type Credits,
  type Limit,
  parseCount,
  parseCredits,
  parseLimit,
  parseQuota,
  type Quota,
} from '../flags/limit.ts';
import { collectScopes, fromPairs, parsePair, parseRange, repeatable } from '../flags/repeatable.ts';
import type { Context } from '../invocation.ts';
import { idOf, objectId, showOne } from './resource.ts';
import { showSecret, tokenResource } from './token-resource.ts';

interface SharedOptions {
  readonly scope?: string[];
  readonly expires?: Expiry;
  readonly limit?: Limit[];
  readonly quota?: Quota;
  readonly credits?: Credits;
  readonly allow?: string[];
  readonly deny?: string[];
  readonly meta?: (readonly [string, string])[];
}

interface CreateOptions extends SharedOptions {
  readonly name: string;
  readonly api?: string;
  readonly owner?: string;
  readonly env?: 'live' | 'test';
  readonly kind?: 'api_key' | 'personal_access_token';
  readonly format?: 'opaque' | 'jwt';
  readonly parent?: string;
  readonly client?: string;
  readonly session?: string;
  readonly notBefore?: string;
  readonly boundKey?: string;
  readonly idempotencyKey?: string;
}

interface UpdateOptions extends SharedOptions {
  readonly name?: string;
  readonly enable?: boolean;
  readonly disable?: boolean;
  /** False after `--no-quota`. */
  readonly quota?: Quota;
  readonly addCredits?: number;
  readonly clear?: readonly ('scopes' | 'limits' | 'quota' | 'credits' | 'ip' | 'meta')[];
  readonly ifMatch?: string;
}

export function addCreate(group: Command, context: Context): void {
  const command = group
    .command('create')
    .description('mint a token; its secret is shown once')
    .requiredOption('--name <name>', 'a name for people')
    .option('--api <id|audience>', 'the api it is for; default: the default api')
    .option('--owner <id>', 'whom it stands for')
    .addOption(new Option('--env <environment>', 'default live').choices(['live', 'test']))
    .addOption(new Option('--kind <kind>', 'default api_key').choices(['api_key', 'personal_access_token']))
    .addOption(new Option('--format <format>', 'jwt: a signed token, for 10 minutes').choices(['opaque', 'jwt']))
    .option('--parent <id>', 'token that it descends from, and dies with')
    .option('--client <name>', 'application that it is issued to')
    .option('--session <name>', 'session that it belongs to');
  addSharedFlags(command)
    .option('--not-before <time>', 'not valid before this moment', parseTime)
    .option('--bound-key <thumbprint>', 'JWK thumbprint of the key that each use must prove (DPoP)')
    .option('--idempotency-key <key>', 'repeat the command with the same key to get the same answer')
    .action(
      context.action<CreateOptions>(async ({ client, options, edge }) => {
        const { name, api, owner, env, kind, format, parent, client: application, session } = options;
        const { notBefore, boundKey, idempotencyKey, scope = [], expires } = options;
        const life =
          expires?.kind === 'in'
            ? { expiresIn: expires.seconds }
            : expires?.kind === 'never'
              ? { expiresIn: 'never' as const }
              : { expiresAt: expires === undefined ? undefined : (expiryTime(expires, edge.now()) ?? undefined) };
        const born = { name, api, owner, env, kind, format, parent, client: application, session };
        const common = { ...born, notBefore, boundKey, scopes: scope, ...life };
        const signedIn = await client();
        return showSecret(await signedIn.tokens.create({ ...common, ...shared(options) }, { idempotencyKey }));
      }),
    );
  withExamples(command, [
    'tessera token create --name "CI deploy" --scope orders:read --expires 30d',
    'KEY=$(tessera token create --name demo --quiet)',
    'tessera token create --name partner --owner own_01k3zq4v8e7m --limit 100/1m,burst=20 --allow 10.0.0.0/8',
    'tessera token create --name agent --parent tok_01k3zq4v8e7m --scope orders:read --expires 1h --credits 100',
    'tessera token create --name job --format jwt --api https://orders.example.test --scope orders:read --expires 5m',
    'tessera token create --name env --scope "orders:read orders:write" -o env > .env',
  ]);
}

export function addUpdate(group: Command, context: Context): void {
  const command = group
    .command('update')
    .description('change, disable or enable a token')
    .argument('<id>', 'id of the token', objectId)
    .option('--name <name>', 'a name for people');
  addSharedFlags(command)
    .option('--enable', 'let it be used again')
    .addOption(new Option('--disable', 'refuse it until it is enabled again').conflicts('enable'))
    .addOption(new Option('--add-credits <count>', 'so many requests more').argParser(parseCount).conflicts('credits'))
    .addOption(
      new Option('--clear <what...>', 'empty these').choices(['scopes', 'limits', 'quota', 'credits', 'ip', 'meta']),
    )
    .option('--if-match <etag>', 'only if it is still the version that you have seen')
    .action(
      context.action<UpdateOptions>(async (run) => {
        const { name, scope, expires, enable, disable, addCredits, clear = [], ifMatch } = run.options;
        const changes = {
          name,
          scopes: scope,
          expiresAt: expires === undefined ? undefined : expiryTime(expires, run.edge.now()),
          enabled: enable ?? (disable === true ? false : undefined),
          ...shared(run.options),
          ...(addCredits !== undefined && { credits: { add: addCredits } }),
        };
        const cleared = Object.fromEntries(clear.map((what) => [what === 'meta' ? 'metadata' : what, emptied[what]]));
        if (Object.values(changes).every((value) => value === undefined) && clear.length === 0) {
          throw new CommandError('usage', 'nothing to change', 'See tessera token update --help.');
        }
        const client = await run.client();
        return showOne(tokenResource, await client.tokens.update(idOf(run), { ...changes, ...cleared }, { ifMatch }));
      }),
    );
  withExamples(command, [
    'tessera token update tok_01k3zq4v8e7m --name "CI deploy, new" --expires 90d',
    'tessera token update tok_01k3zq4v8e7m --disable',
    'tessera token update tok_01k3zq4v8e7m --scope orders:read --clear limits ip',
  ]);
}

const emptied = { scopes: [], limits: [], quota: null, credits: null, ip: {}, meta: {} } as const;

function addSharedFlags(command: Command): Command {
  return command
    .option('--scope <scope>', 'what it may do; repeat for more', collectScopes)
    .option('--expires <when>', 'duration, date or never; default 90d', parseExpiry)
    .option(
      '--limit <rate>',
      'such as 100/60s or api=100/1m,burst=20,mode=approximate; repeat for more',
      repeatable(parseLimit),
    )
    .option('--quota <quota>', 'such as 10000/day or 10000/month', parseQuota)
    .option('--credits <count>', 'requests in all, such as 500, or 500,100/day with a refill', parseCredits)
    .option('--allow <cidr>', 'only from this address range; repeat for more', repeatable(parseRange))
    .option('--deny <cidr>', 'never from this address range; repeat for more', repeatable(parseRange))
    .option('--meta <key=value>', 'a text of your own; repeat for more', repeatable(parsePair));
}

/** The flags that both commands send in the same form; what was not given is left out. */
function shared({ limit, quota, credits, allow, deny, meta }: SharedOptions) {
  return {
    limits: limit,
    quota,
    credits,
    ip: allow === undefined && deny === undefined ? undefined : { allow, deny },
    metadata: fromPairs(meta),
  };
}

/** `tessera token exchange`: a long-lived token for a short one that may do less. Whoever holds it needs no management token. */
import type { Exchanged } from '@tessera/client';
import { type Command, InvalidArgumentError } from 'commander';
import { withExamples } from '../examples.ts';
import { parseDuration } from '../flags/duration.ts';
import { collectScopes } from '../flags/repeatable.ts';
import type { Context } from '../invocation.ts';
import type { Answer } from '../output/answer.ts';
import { addSource, presented, type SourceOptions } from './presented-text.ts';

interface ExchangeOptions extends SourceOptions {
  readonly scope?: string[];
  readonly audience?: string;
  readonly expires?: number;
  readonly opaque?: boolean;
}

export function addExchange(group: Command, context: Context): void {
  const command = addSource(group.command('exchange'))
    .description('exchange a token for a short-lived one that descends from it; the token itself is all that is needed')
    .option('--scope <scope>', 'what it may do, of what the token may; repeat for more; default: all', someScopes)
    .option('--audience <audience>', 'the audience of the api that the token must be for')
    .option('--expires <duration>', 'how long it lives, 1h at most; default 10m', parseDuration)
    .option('--opaque', 'an opaque token, which is looked up, and not a signed one')
    .action(
      context.action<ExchangeOptions>(async (run) => {
        const { edge, options, note } = run;
        const token = await presented(run);
        // Loaded here: other commands of the group need no server.
        const { isExposed, makeClient, serverUrl } = await import('../connection.ts');
        const url = await serverUrl(edge, options);
        if (isExposed(url)) note(`warning: ${url} is plain HTTP; the token can be read on the way`);
        const { scope: scopes, audience, expires: expiresIn, opaque } = options;
        const format = opaque === true ? 'opaque' : 'jwt';
        // Whole seconds, as the server counts, and from before it is asked: the end that is told is never after the real one.
        const second = Math.floor(edge.now() / 1000);
        const client = makeClient(edge, options, { url, token });
        return show(await client.oauth.exchange({ scopes, audience, expiresIn, format }), { format, second });
      }),
    );
  withExamples(command, [
    'echo "$KEY" | tessera token exchange --scope orders:read --expires 5m',
    'SHORT=$(tessera token exchange --key-file key.txt --scope orders:read --quiet)',
    'tessera token exchange --key-file key.txt --opaque -o env > .env',
  ]);
}

/** An empty list would ask for everything. @throws InvalidArgumentError */
function someScopes(text: string, before: readonly string[] | undefined): string[] {
  const scopes = collectScopes(text, before);
  if (scopes.length === 0) throw new InvalidArgumentError('Give the name of a scope.');
  return scopes;
}

function show(
  { access_token: token, token_type: type, scope, expires_in }: Exchanged,
  { format, second }: { readonly format: 'jwt' | 'opaque'; readonly second: number },
): Answer {
  const scopes = scope.split(' ').filter((one) => one !== '');
  const expiresAt = new Date((second + expires_in) * 1000).toISOString();
  return {
    data: { token, type, format, scopes, expiresAt },
    view: {
      kind: 'fields',
      fields: [
        ['token', token],
        ['type', type],
        ['format', format],
        ['scopes', scopes],
        ['expires', expiresAt],
      ],
    },
    quiet: [token],
    env: { TESSERA_KEY: token, TESSERA_KEY_EXPIRES_AT: expiresAt },
    notes: ['Keep the token now: it will not be shown again.'],
  };
}

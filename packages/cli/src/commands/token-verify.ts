/** `tessera token verify`: may this token pass? */
import type { Output } from '@tessera/contract';
import { type Command, Option } from 'commander';
import { withExamples } from '../examples.ts';
import { collectScopes, parsePair, repeatable, wholeNumber } from '../flags/repeatable.ts';
import type { Context } from '../invocation.ts';
import type { Answer } from '../output/answer.ts';
import { addSource, presented, type SourceOptions } from './presented-text.ts';

interface VerifyOptions extends SourceOptions {
  readonly audience?: string;
  readonly env?: 'live' | 'test';
  readonly scope?: string[];
  readonly method?: string;
  readonly host?: string;
  readonly path?: string;
  readonly ip?: string;
  readonly header?: (readonly [string, string])[];
  readonly cost?: number;
  readonly explain?: boolean;
}

type Verdict = Output<'verify.one'>;

export function addVerify(group: Command, context: Context): void {
  const command = addSource(group.command('verify'))
    .description('ask for the verdict on a token; exit code 1 when it is refused')
    .option('--audience <id|audience>', 'the api that it must be for')
    .addOption(new Option('--env <environment>', 'the environment that it must be of').choices(['live', 'test']))
    .option('--scope <scope>', 'what it must be allowed to do; repeat for more', collectScopes)
    .option('--method <method>', 'of the request that presented it')
    .option('--host <host>', 'of that request')
    .option('--path <path>', 'of that request')
    .option('--ip <address>', 'the client address of that request')
    .option('--header <name=value>', 'of that request; repeat for more', repeatable(parsePair))
    .option('--cost <n>', 'what the request costs; default 1', wholeNumber(1))
    .option('--explain', 'report every check, and spend nothing')
    .action(
      context.action<VerifyOptions>(async (run) => {
        const { audience, env, scope, cost, explain } = run.options;
        const client = await run.client();
        const token = await presented(run);
        const mode = explain === true ? 'explain' : undefined;
        const request = requestOf(run.options);
        const asked = { token, audience, env, scopes: scope, request, cost, mode } as const;
        // An explanation spends nothing.
        return showVerdict(await client.verify(asked, { repeatable: explain === true }));
      }),
    );
  withExamples(command, [
    'echo "$KEY" | tessera token verify',
    'tessera token verify --key-file key.txt --scope orders:read --explain',
    'tessera token verify --json < key.txt',
  ]);
}

function requestOf({ method, host, path, ip, header }: VerifyOptions) {
  const headers = header === undefined ? undefined : Object.fromEntries(header);
  const request = { method, host, path, ip, headers };
  return Object.values(request).some((value) => value !== undefined) ? request : undefined;
}

function showVerdict(verdict: Verdict): Answer {
  const { valid, code, detail, id, name, kind, owner, audience, env, scopes, missingScopes, expiresAt } = verdict;
  return {
    data: verdict,
    view: {
      kind: 'fields',
      fields: [
        ['valid', valid],
        ['code', code],
        ['detail', detail],
        ['id', id],
        ['name', name],
        ['kind', kind],
        ['owner', owner],
        ['audience', audience],
        ['environment', env],
        ['scopes', scopes],
        ['missing scopes', missingScopes],
        ['expires', expiresAt === null ? 'never' : expiresAt],
        ['limits', limitTexts(verdict)],
        ['retry after', verdict.retryAfterSeconds === undefined ? undefined : `${verdict.retryAfterSeconds}s`],
        ...(verdict.steps ?? []).map(
          (step) =>
            [`${step.step}/${step.check}`, [step.outcome, step.code, step.detail].filter(Boolean).join(': ')] as const,
        ),
      ],
    },
    quiet: id === undefined ? [] : [id],
    exit: valid ? 'ok' : 'no',
  };
}

function limitTexts({ limits = [] }: Verdict): string[] | undefined {
  return limits.length === 0 ? undefined : limits.map(({ name, remaining, limit }) => `${name}:${remaining}/${limit}`);
}

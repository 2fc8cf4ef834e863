/** `tessera revoke`: ends many tokens at once, by what they have in common. */
import type { Body } from '@tessera/contract';
import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { withExamples } from '../examples.ts';
import { parseDuration, parseTime } from '../flags/duration.ts';
import type { Context } from '../invocation.ts';
import { DEFAULT_WAIT_SECONDS, heardOf } from './heard-of.ts';

type Wish = Body<'tokens.revokeMany'>;

interface RevokeOptions extends Wish {
  readonly wait?: number;
}

const SUBJECTS = ['owner', 'parent', 'api', 'client', 'session', 'key', 'prefix', 'all'] as const;

export function defineRevoke(command: Command, context: Context): void {
  command
    .description('revoke many tokens at once, for good, and tell how many nodes and verifiers have heard of it')
    .option('--owner <id>', 'the tokens of this owner')
    .option('--parent <id>', 'the tokens that descend from this one')
    .option('--api <api>', 'the tokens of this api, by id or audience')
    .option('--client <client>', 'the tokens that were issued to this application')
    .option('--session <session>', 'the tokens of this session')
    .option('--key <id>', 'the tokens that this key signed, and the key itself')
    .option('--prefix <prefix>', 'the tokens whose text starts so')
    .option('--all', 'every token of the workspace but the one you call with')
    .option('--issued-before <time>', 'of these, those that were made before', parseTime)
    .option('--issued-after <time>', 'of these, those that were made after', parseTime)
    .option('--include-self', 'also the token that you call with')
    .option('--reason <text>', 'why, for the audit log')
    .option('--wait <duration>', 'how long to wait until all have heard; default 5s, 0 does not wait', parseDuration)
    .option('-y, --yes', 'do not ask')
    .action(
      context.action<RevokeOptions>(async (run) => {
        const { wait: seconds = DEFAULT_WAIT_SECONDS, ...options } = run.options;
        const wish = wishOf(options);
        await run.confirm(`Revoke ${inWords(wish)} for good?`);
        const client = await run.client();
        const answer = await client.tokens.revokeMany(wish);
        const text = `${answer.revoked} ${answer.revoked === 1 ? 'token' : 'tokens'} revoked.`;
        return {
          data: answer,
          view: { kind: 'text', text },
          quiet: [String(answer.revoked)],
          env: { TESSERA_REVOKED: String(answer.revoked) },
          ...(seconds > 0 && { notes: [await heardOf(client, seconds * 1000)] }),
        };
      }),
    );
  withExamples(command, [
    'tessera revoke --owner own_01k3zq4v8e7m --reason "laptop stolen"',
    'tessera revoke --api https://carts.example.test --issued-before 2026-11-20T00:00:00Z --yes',
    'tessera revoke --key key_01k3zq4v8e7m --yes --reason "key leaked"',
    'tessera revoke --all --issued-before 2026-11-20T00:00:00Z',
  ]);
}

function wishOf(options: Omit<RevokeOptions, 'wait'>): Wish {
  const named = SUBJECTS.filter((subject) => options[subject] !== undefined);
  if (named.length !== 1)
    throw new CommandError('usage', `name exactly one of ${SUBJECTS.map((subject) => `--${subject}`).join(', ')}`);
  const { owner, parent, api, client, session, key, prefix, all, issuedBefore, issuedAfter, includeSelf, reason } =
    options;
  return { owner, parent, api, client, session, key, prefix, all, issuedBefore, issuedAfter, includeSelf, reason };
}

function inWords({ all, issuedBefore, issuedAfter, ...wish }: Wish): string {
  const [subject] = SUBJECTS.filter((name) => name !== 'all' && wish[name] !== undefined);
  const whose = all === true || subject === undefined || subject === 'all' ? '' : ` of ${subject} ${wish[subject]}`;
  const before = issuedBefore === undefined ? '' : `, issued before ${issuedBefore}`;
  const after = issuedAfter === undefined ? '' : `, issued after ${issuedAfter}`;
  return `every token${whose === '' ? ' of the workspace' : whose}${before}${after},`;
}

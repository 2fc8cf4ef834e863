/** `tessera generate`: makes the text of a token, without a server. */
import { digest, fingerprint, generate, isPrefix } from '@tessera/token';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { withExamples } from '../examples.ts';
import type { Context } from '../invocation.ts';

export function defineGenerate(command: Command, context: Context): void {
  command
    .description('make one well-formed token text, offline: 256 random bits, known to no server')
    .option('--prefix <prefix>', '2 to 16 lower-case letters or digits', checkedPrefix, 'tsr')
    .addOption(new Option('--env <environment>').choices(['live', 'test']).default('live'))
    .action(
      context.action<{ readonly prefix: string; readonly env: 'live' | 'test' }>(async ({ options }) => {
        const token = generate({ prefix: options.prefix, environment: options.env });
        const data = { token, fingerprint: fingerprint(await digest(token)) };
        return { data, view: { kind: 'text', text: token }, quiet: [token], env: { TESSERA_KEY: token } };
      }),
    );
  withExamples(command, ['tessera generate', 'TESSERA_ROOT_TOKEN=$(tessera generate) tessera start']);
}

function checkedPrefix(text: string): string {
  if (!isPrefix(text)) throw new InvalidArgumentError('Give 2 to 16 lower-case letters or digits.');
  return text;
}

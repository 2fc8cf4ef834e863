/** Where a command gets the text of a token from: stdin, a file or a hidden prompt, never an argument. */
import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import type { Invocation } from '../invocation.ts';
import { readSecret } from '../read-input.ts';

export interface SourceOptions {
  readonly keyFile?: string;
}

export function addSource(command: Command): Command {
  return command
    .argument('[-]', 'read the token from stdin, which is also the default', onlyStdin)
    .option('--key-file <file>', 'read the token from a file');
}

/** `maxBytes`: for texts that may be longer than tokens are. */
export function presented({ edge, options, args }: Invocation<SourceOptions>, maxBytes?: number): Promise<string> {
  if (options.keyFile !== undefined && args.length > 0) {
    throw new CommandError('usage', '- and --key-file contradict each other');
  }
  if (options.token === '-' && (options.keyFile === undefined || options.keyFile === '-')) {
    throw new CommandError('usage', 'stdin cannot hold both tokens', 'Give one of them from a file.');
  }
  const source = { file: options.keyFile ?? args[0], what: 'Token', mayAsk: options.input };
  return readSecret(edge, maxBytes === undefined ? source : { ...source, maxBytes });
}

function onlyStdin(text: string): '-' {
  if (text === '-') return '-';
  throw new CommandError(
    'usage',
    'a token is not taken from the command line, where other processes see it',
    'Give it on stdin or with --key-file, and rotate this one: it is in the history of your shell now.',
  );
}

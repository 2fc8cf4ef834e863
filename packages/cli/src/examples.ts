/** Puts examples at the start of a command's help: most people look for one line to change. */
import type { Command } from 'commander';

export function withExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText('before', `Examples:\n${examples.map((line) => `  $ ${line}\n`).join('')}`);
}

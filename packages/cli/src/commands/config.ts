/** `tessera config`: asks the server program about its configuration. */
import type { Command } from 'commander';
import { withExamples } from '../examples.ts';
import type { Context } from '../invocation.ts';
import { runServerProgram } from '../server-program.ts';

const verbs = [
  ['check', 'say whether the configuration is valid, and where it is not'],
  ['print', 'print the configuration with every default in place, secrets left out'],
  ['schema', 'print the JSON Schema of the configuration file'],
] as const;

export function defineConfig(group: Command, context: Context): void {
  withExamples(group, ['tessera config check', 'tessera config print']);
  for (const [verb, description] of verbs) {
    const command = group
      .command(verb)
      .description(description)
      .argument('[args...]', 'passed on')
      .allowUnknownOption()
      .action(() => runServerProgram(context, 'config'));
    withExamples(command, [`tessera config ${verb}`, `TESSERA_CONFIG=./gateway.yaml tessera config ${verb}`]);
  }
}

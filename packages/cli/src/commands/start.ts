/** `tessera start`: runs the server program and stands in for it: signals go in, the exit code comes out. */
import type { Command } from 'commander';
import { withExamples } from '../examples.ts';
import type { Context } from '../invocation.ts';
import { runServerProgram } from '../server-program.ts';

export function defineStart(command: Command, context: Context): void {
  command
    .description(
      'start the platform (port 8420) and the gateway (port 8421); settings come from tessera.yaml and TESSERA_*',
    )
    .argument('[args...]', 'passed on')
    .allowUnknownOption()
    .action(() => runServerProgram(context, 'start'));
  withExamples(command, ['tessera start', 'TESSERA_PORT=9000 TESSERA_DATA=/var/lib/tessera tessera start']);
}

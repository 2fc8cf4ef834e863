/** The command tree. Sub-commands of a group are known once the group is loaded. */
import { Command } from 'commander';
import { withExamples } from './examples.ts';
import { exitCodes } from './exit-codes.ts';
import { addGlobalOptions, environmentVariables } from './global-options.ts';
import { type Group, groups } from './groups.ts';
import type { Context } from './invocation.ts';

const VERSION = '0.1.0';

export interface ProgramOutput {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Columns of help texts. */
  readonly width?: number | undefined;
}

/** Commander throws instead of ending the process, and writes only through `output`. */
export function makeProgram(
  context: Context,
  { out, err, width }: ProgramOutput,
  shown: readonly Group[] = groups,
): Command {
  const program = new Command('tessera')
    .description('Mint, verify, watch and revoke API tokens.')
    .version(VERSION, '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: out,
      writeErr: err,
      ...(width === undefined ? {} : { getOutHelpWidth: () => width, getErrHelpWidth: () => width }),
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('Run it with --help to see how it is used.')
    .commandsGroup('Other:')
    .helpCommand('help [command]', 'explain a command');
  addGlobalOptions(program);
  withExamples(program, [
    'tessera start',
    'tessera login',
    'tessera token create --name "CI" --scope orders:read --expires 30d',
    'KEY=$(tessera token create --name demo --quiet)',
    'echo "$KEY" | tessera token verify',
    'tessera token revoke tok_... --yes',
  ]);
  program.addHelpText('after', closing());
  for (const { name, summary, heading } of shown) {
    program.command(name).summary(summary).description(summary).helpGroup(heading);
  }
  program.hook('preSubcommand', (_, command) => loadGroup(command, context));
  return program;
}

/** Every command of every group, for completion and the reference. */
export async function loadAll(program: Command, context: Context): Promise<void> {
  for (const command of program.commands) await loadGroup(command, context);
}

async function loadGroup(command: Command, context: Context): Promise<void> {
  const group = groups.find(({ name }) => name === command.name());
  if (group === undefined) return;
  const define = await group.load();
  define(command, context);
}

function closing(): string {
  const codes = Object.values(exitCodes).map(({ code, meaning }) => `  ${String(code).padEnd(5)}${meaning}`);
  const longest = Math.max(...environmentVariables.map(([name]) => name.length)) + 2;
  const variables = environmentVariables.map(([name, meaning]) => `  ${name.padEnd(longest)}${meaning}`);
  return `\nEnvironment:\n${variables.join('\n')}\n\nExit codes:\n${codes.join('\n')}\n`;
}

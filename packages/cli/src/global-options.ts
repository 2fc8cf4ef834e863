/** The options that every command takes, and the environment variables that stand in for them. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CommandError } from './command-error.ts';
import { parseDuration } from './flags/duration.ts';
import { type OutputFormat, outputFormats } from './output/answer.ts';

export const DEFAULT_URL = 'http://127.0.0.1:8420';

/** As commander collects them. */
export interface GlobalOptions {
  readonly url?: string;
  readonly workspace?: string;
  readonly token?: '-';
  readonly tokenFile?: string;
  readonly output?: OutputFormat;
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** False after `--no-input`. */
  readonly input: boolean;
  readonly timeout?: number;
}

/** What the environment may say, for the reference. */
export const environmentVariables: ReadonlyArray<readonly [name: string, meaning: string]> = [
  ['TESSERA_URL', `where the server is; default: the one signed in to last, else ${DEFAULT_URL}`],
  ['TESSERA_TOKEN', 'the management token'],
  ['TESSERA_TOKEN_FILE', 'file that holds the management token'],
  ['TESSERA_WORKSPACE', 'id of the workspace to act in'],
  ['XDG_CONFIG_HOME', 'where `tessera/credentials` is kept; default `~/.config`'],
  ['NO_COLOR, FORCE_COLOR', 'turn colour off, or on'],
];

export function addGlobalOptions(program: Command): void {
  program
    .optionsGroup('Connection:')
    .option('--url <url>', 'where the server is (TESSERA_URL)')
    .option('--workspace <id>', 'workspace to act in, where the token may choose (TESSERA_WORKSPACE)')
    .option('--token-file <file>', 'read the management token from a file (TESSERA_TOKEN_FILE)')
    .addOption(
      new Option('--token <->', 'read the management token from stdin; `-` is the only value').argParser(onlyStdin),
    )
    .option('--timeout <duration>', 'wait so long for an answer, repeated attempts included; default 1m', parseTimeout)
    .optionsGroup('Output:')
    .addOption(new Option('-o, --output <format>', 'how to print the answer; default table').choices(outputFormats))
    .option('--json', 'the same as -o json')
    .option('-q, --quiet', 'print only the secret or the id')
    .option('--no-input', 'never ask; fail instead');
}

/** @throws CommandError when two options contradict each other */
export function chosenFormat({ output, json }: GlobalOptions): OutputFormat {
  if (json === true && output !== undefined && output !== 'json') {
    throw new CommandError('usage', `--json and -o ${output} contradict each other`);
  }
  return json === true ? 'json' : (output ?? 'table');
}

/** Flags are seen by every process of the machine and kept in the history of the shell: a secret has no place there. */
function onlyStdin(value: string): '-' {
  if (value === '-') return '-';
  throw new CommandError(
    'usage',
    'a token is not taken from the command line, where other processes see it',
    'Use --token - (stdin), --token-file or TESSERA_TOKEN, and rotate this one: it is in the history of your shell now.',
  );
}

function parseTimeout(text: string): number {
  const seconds = parseDuration(text);
  if (seconds < 1 || seconds > 86_400) throw new InvalidArgumentError('Give a duration from 1s to 1d.');
  return seconds;
}

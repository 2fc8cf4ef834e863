/** Renders the whole command tree as Markdown, for the reference documentation. */

import { PassThrough } from 'node:stream';
import type { Command } from 'commander';
import type { Edge } from './edge.ts';
import { exitCodes } from './exit-codes.ts';
import { environmentVariables } from './global-options.ts';
import { makeContext } from './invocation.ts';
import { loadAll, makeProgram } from './program.ts';

const WIDTH = 100;

/** The text of `docs/reference/cli.md`: the same on every machine. */
export async function renderCliReference(): Promise<string> {
  let captured = '';
  const context = makeContext(nowhere, () => undefined);
  const program = makeProgram(context, {
    out: (text) => {
      captured += text;
    },
    err: () => undefined,
    width: WIDTH,
  });
  await loadAll(program, context);
  const helpOf = (command: Command): string => {
    captured = '';
    // The options that every command takes are told once, at the top.
    command.configureHelp({ showGlobalOptions: command === program });
    command.outputHelp();
    return captured.trim();
  };
  const sections = walk(program).map((command) => {
    const path = pathOf(command);
    const level = '#'.repeat(Math.min(path.length + 1, 4));
    return `${level} ${path.join(' ')}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`;
  });
  return `${[head(), ...sections].join('\n')}`;
}

function head(): string {
  const codes = Object.values(exitCodes).map(({ code, meaning }) => `| ${code} | ${meaning} |`);
  const variables = environmentVariables.map(([name, meaning]) => `| \`${name.replace(', ', '`, `')}\` | ${meaning} |`);
  return `# Command line

Generated from the program; do not edit.

Data goes to stdout, everything else to stderr. Secrets are read from stdin, a file or a hidden prompt, never from flags.

| Exit code | Meaning |
| --- | --- |
${codes.join('\n')}

| Variable | Meaning |
| --- | --- |
${variables.join('\n')}
`;
}

function walk(command: Command): Command[] {
  return [command, ...command.commands.flatMap(walk)];
}

function pathOf(command: Command): string[] {
  return [...(command.parent === null ? [] : pathOf(command.parent)), command.name()];
}

/** Help is all that is asked of the commands: they never touch it. */
const nowhere: Edge = Object.freeze({
  argv: [],
  env: {},
  stdin: new PassThrough(),
  stdout: new PassThrough(),
  stderr: new PassThrough(),
  homeDirectory: '',
  platform: '',
  execPath: '',
  interrupted: new AbortController().signal,
  takeSignals: () => () => undefined,
  now: () => 0,
});

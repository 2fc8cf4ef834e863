/** What a command gets to do its work with, and the one place where its answer is printed. */
import type { Client } from '@tessera/client';
import type { Command } from 'commander';
import { CommandError } from './command-error.ts';
import type { Edge } from './edge.ts';
import { exitCodes } from './exit-codes.ts';
import { chosenFormat, type GlobalOptions } from './global-options.ts';
import type { Answer } from './output/answer.ts';
import { neutraliseLines } from './output/neutralise.ts';
import { renderAnswer } from './output/render-answer.ts';
import { wantsColor } from './output/wants-color.ts';

export interface Invocation<O> {
  readonly edge: Edge;
  readonly options: O & GlobalOptions;
  /** The positional arguments, as far as they were given. */
  readonly args: readonly string[];
  /** Signs in with the token of the user, on first use. */
  readonly client: () => Promise<Client>;
  /** Asks before what cannot be undone. @throws CommandError when the answer is no, or nobody can be asked */
  readonly confirm: (question: string) => Promise<void>;
  /** Prints before the end, for commands that go on. */
  readonly print: (answer: Answer) => void;
  /** Tells the user something; silent with `--quiet`. */
  readonly note: (text: string) => void;
}

/** Connects handlers with commander and the process edge. */
export interface Context {
  readonly edge: Edge;
  /** Says how the command went: its exit code. */
  readonly end: (code: number) => void;
  /** Makes the action of a command from a function that answers. */
  readonly action: <O = object>(
    handler: (run: Invocation<O>) => Promise<Answer | undefined>,
  ) => (...given: unknown[]) => Promise<void>;
}

export function makeContext(edge: Edge, end: Context['end']): Context {
  return {
    edge,
    end,
    action:
      <O>(handler: (run: Invocation<O>) => Promise<Answer | undefined>) =>
      async (...given) => {
        // Commander passes the arguments, the options and the command.
        const command = given.at(-1) as Command;
        const run = invocation(edge, command.optsWithGlobals<O & GlobalOptions>(), command.args);
        const answer = await handler(run);
        if (answer === undefined) return;
        run.print(answer);
        for (const text of answer.notes ?? []) run.note(text);
        end(exitCodes[answer.exit ?? 'ok'].code);
      },
  };
}

function invocation<O>(edge: Edge, options: O & GlobalOptions, args: readonly string[]): Invocation<O> {
  const { quiet = false } = options;
  const choice = { format: chosenFormat(options), quiet, color: wantsColor(edge.env, edge.stdout.isTTY === true) };
  const note = (text: string): void => {
    if (!quiet) edge.stderr.write(`${neutraliseLines(text)}\n`);
  };
  let client: Promise<Client> | undefined;
  return {
    edge,
    options,
    args,
    note,
    print: (answer) => {
      edge.stdout.write(renderAnswer(answer, choice));
    },
    client: () => {
      client ??= signIn(edge, options, note);
      return client;
    },
    confirm: async (question) => {
      if ('yes' in options && options.yes === true) return;
      const mayAsk = edge.stdin.isTTY === true && edge.stderr.isTTY === true && options.input;
      if (!mayAsk)
        throw new CommandError('usage', 'this cannot be undone and nobody can be asked', 'Give --yes to go on.');
      const { confirm } = await import('./prompt.ts');
      if (!(await confirm(edge, neutraliseLines(question)))) throw new CommandError('usage', 'nothing was done');
    },
  };
}

/** Loaded when a command needs a server: many do not. */
async function signIn(edge: Edge, options: GlobalOptions, note: (text: string) => void): Promise<Client> {
  const { connect, isExposed } = await import('./connection.ts');
  const { client, url } = await connect(edge, options);
  if (isExposed(url)) note(`warning: ${url} is plain HTTP; the token can be read on the way`);
  return client;
}

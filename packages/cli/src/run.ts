/** Runs one command line from the first word to the exit code. */
import { CommanderError } from 'commander';
import type { Edge } from './edge.ts';
import { exitCodes } from './exit-codes.ts';
import { makeContext } from './invocation.ts';
import { makeProgram } from './program.ts';

export async function run(edge: Edge): Promise<number> {
  let code: number = exitCodes.ok.code;
  const context = makeContext(edge, (ended) => {
    code = ended;
  });
  // What commander says of a wrong command line repeats it: kept until any token in it is removed.
  let complaints = '';
  const output = {
    out: (text: string) => edge.stdout.write(text),
    err: (text: string) => {
      complaints += text;
    },
    width: edge.stdout.columns,
  };
  try {
    if (edge.argv[0] === 'complete') {
      const { complete } = await import('./complete.ts');
      await complete(context, output);
    } else {
      await makeProgram(context, output).parseAsync([...edge.argv], { from: 'user' });
    }
    return code;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok.code;
    const { explainError, safeText } = await import('./explain-error.ts');
    if (error instanceof CommanderError) {
      edge.stderr.write(safeText(complaints));
      return exitCodes.usage.code;
    }
    const { exit, text } = explainError(error);
    edge.stderr.write(text);
    return exitCodes[exit].code;
  }
}

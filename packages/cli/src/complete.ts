/** Answers a shell that asks what may come next: `tessera complete -- <words>`, which the completion scripts call. */
import tab from '@bomb.sh/tab/commander';
import { groups } from './groups.ts';
import type { Context } from './invocation.ts';
import { loadAll, makeProgram, type ProgramOutput } from './program.ts';

/** Prints the suggestions on stdout, in the form that those scripts read. */
export async function complete(context: Context, output: ProgramOutput): Promise<void> {
  // The library brings a command of the same name, which prints the scripts.
  const others = groups.filter(({ name }) => name !== 'completion');
  const program = makeProgram(context, output, others);
  await loadAll(program, context);
  tab(program, { completionCommandName: 'completion' });
  await program.parseAsync([...context.edge.argv], { from: 'user' });
}

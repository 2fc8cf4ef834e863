/** `tail`, for the logs that are ordered by `seq`: the last records, then what follows. */
import type { Client } from '@tessera/client';
import type { Command } from 'commander';
import { withExamples } from '../examples.ts';
import { wholeNumber } from '../flags/repeatable.ts';
import { batches } from '../follow.ts';
import type { Context } from '../invocation.ts';
import type { Answer } from '../output/answer.ts';

interface TailOptions {
  readonly lines: number;
  readonly since?: number;
  readonly follow?: boolean;
}

export function addTail<T extends { readonly seq: number }, O = object>(
  group: Command,
  context: Context,
  log: {
    readonly noun: string;
    readonly description: string;
    readonly show: (records: readonly T[]) => Answer;
    /** `seq` of the newest record. */
    readonly latest: (client: Client) => Promise<number>;
    readonly after: (client: Client, seq: number, options: O) => Promise<readonly T[]>;
  },
): Command {
  const { noun, description, show, latest, after } = log;
  const command = group
    .command('tail')
    .description(description)
    .option('-n, --lines <n>', 'how many of the last records to start with', wholeNumber(0), 20)
    .option('--since <seq>', 'start after this number instead', wholeNumber(0))
    .option('-f, --follow', 'go on until interrupted')
    .action(
      context.action<O & TailOptions>(async ({ client, options, edge, print }) => {
        const signedIn = await client();
        const start = options.since ?? Math.max(0, (await latest(signedIn)) - options.lines);
        const steps = batches(start, {
          after: (seq) => after(signedIn, seq, options),
          interrupted: edge.interrupted,
          follow: options.follow === true,
        });
        for await (const records of steps) print(show(records));
        return undefined;
      }),
    );
  return withExamples(command, [`tessera ${noun} tail`, `tessera ${noun} tail --follow -o ndjson`]);
}

/** `tail`, for the logs that are ordered by `seq`: the last records, then what follows. */
import type { Client } from '@tessera/client';
import type { Command } from 'commander';
import { withExamples } from '../examples.ts';
import { wholeNumber } from '../flags/repeatable.ts';
import { inParts } from '../follow.ts';
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
    /** The records after `seq`, up to the newest. */
    readonly after: (client: Client, seq: number, options: O) => AsyncIterable<T>;
    /** The records after `seq`, and those to come until the interruption, which throws its reason. */
    readonly follow: (client: Client, seq: number, options: O) => AsyncIterable<T>;
  },
): Command {
  const { noun, description, show, latest, after, follow } = log;
  const command = group
    .command('tail')
    .description(description)
    .option('-n, --lines <n>', 'how many of the last records to start with', wholeNumber(0), 20)
    .option('--since <seq>', 'start after this number instead', wholeNumber(0))
    .option('-f, --follow', 'go on until interrupted')
    .action(
      context.action<O & TailOptions>(async ({ client, options, print }) => {
        const signedIn = await client();
        const start = options.since ?? Math.max(0, (await latest(signedIn)) - options.lines);
        let last = start;
        for await (const records of inParts(after(signedIn, start, options))) {
          print(show(records));
          last = records.at(-1)?.seq ?? last;
        }
        if (options.follow !== true) return undefined;
        // One by one: what has happened is not held back for what may.
        for await (const record of follow(signedIn, last, options)) print(withoutHeader(show([record])));
        return undefined;
      }),
    );
  return withExamples(command, [`tessera ${noun} tail`, `tessera ${noun} tail --follow -o ndjson`]);
}

function withoutHeader({ view, ...answer }: Answer): Answer {
  return { ...answer, view: view.kind === 'rows' ? { ...view, header: false } : view };
}

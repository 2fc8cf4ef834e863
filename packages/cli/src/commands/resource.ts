/** The verbs that every resource has: list, show and delete. */
import type { Client } from '@tessera/client';
import { type Command, InvalidArgumentError } from 'commander';
import { withExamples } from '../examples.ts';
import { wholeNumber } from '../flags/repeatable.ts';
import type { Context, Invocation } from '../invocation.ts';
import type { Answer, Cell } from '../output/answer.ts';

export interface Resource<T> {
  /** As typed, such as `token`. */
  readonly noun: string;
  /** Columns of its list. */
  readonly columns: ReadonlyArray<readonly [title: string, cell: (item: T) => Cell]>;
  /** Lines of its detail. */
  readonly fields: ReadonlyArray<readonly [label: string, value: (item: T) => Cell]>;
}

export interface Identified {
  readonly id: string;
}

interface PageQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** One object: its detail for people, its id with `--quiet`. */
export function showOne<T extends Identified>(resource: Resource<T>, item: T): Answer {
  return {
    data: item,
    view: { kind: 'fields', fields: resource.fields.map(([label, value]) => [label, value(item)] as const) },
    quiet: [item.id],
    env: { [`TESSERA_${resource.noun.toUpperCase()}_ID`]: item.id },
  };
}

/** An object that was deleted: only its id is left. */
function showGone(noun: string, id: string): Answer {
  return { data: { id }, view: { kind: 'text', text: `Deleted ${noun} ${id}.` }, quiet: [id] };
}

/** The two ways of the client to read a list, with the filters of the command. */
interface Listing<T> {
  readonly page: (query: PageQuery) => Promise<Page<T>>;
  readonly all: (query: PageQuery) => AsyncIterable<T>;
}

/** `list`, with pages. */
export function addList<T extends Identified, O = object>(
  group: Command,
  context: Context,
  spec: {
    readonly resource: Resource<T>;
    readonly list: (client: Client, options: O) => Listing<T>;
  },
): Command {
  const { resource, list } = spec;
  const { noun } = resource;
  const command = group
    .command('list')
    .alias('ls')
    .description(`list ${noun}s`)
    .option('--limit <n>', 'how many in a page, at most 100', wholeNumber(1))
    .option('--cursor <cursor>', 'go on from the end of a page')
    .option('--all', 'every page')
    .action(
      context.action<O & PageQuery & { readonly all?: boolean }>(async ({ client, options }) => {
        const { page, all } = list(await client(), options);
        const { limit, cursor } = options;
        if (options.all !== true) return showPage(resource, await page({ limit, cursor }));
        const items: T[] = [];
        for await (const item of all({ limit, cursor })) items.push(item);
        return showPage(resource, { items, nextCursor: null });
      }),
    );
  return withExamples(command, [`tessera ${noun} list`, `tessera ${noun} list --all -o ndjson`]);
}

/** `show`. */
export function addShow<T extends Identified>(
  group: Command,
  context: Context,
  spec: { readonly resource: Resource<T>; readonly get: (client: Client, id: string) => Promise<T> },
): Command {
  const { resource, get } = spec;
  const { noun } = resource;
  const command = group
    .command('show')
    .description(`show ${article(noun)}`)
    .argument('<id>', `id of the ${noun}`, objectId)
    .action(context.action(async (run) => showOne(resource, await get(await run.client(), idOf(run)))));
  return withExamples(command, [`tessera ${noun} show ${sampleId(noun)}`]);
}

/** `delete`, which asks first. */
export function addDelete(
  group: Command,
  context: Context,
  spec: {
    readonly noun: string;
    readonly description: string;
    readonly remove: (client: Client, id: string) => Promise<unknown>;
  },
): Command {
  const { noun, description, remove } = spec;
  const command = group
    .command('delete')
    .description(description)
    .argument('<id>', `id of the ${noun}`, objectId)
    .option('-y, --yes', 'do not ask')
    .action(
      context.action(async (run) => {
        const id = idOf(run);
        await run.confirm(`Delete ${noun} ${id}?`);
        await remove(await run.client(), id);
        return showGone(noun, id);
      }),
    );
  return withExamples(command, [
    `tessera ${noun} delete ${sampleId(noun)}`,
    `tessera ${noun} delete ${sampleId(noun)} --yes`,
  ]);
}

/** The id that a command was given; commander makes sure of it. */
export function idOf({ args }: Pick<Invocation<object>, 'args'>): string {
  const [id] = args;
  if (id === undefined) throw new RangeError('an id is needed');
  return id;
}

/** A token text is no id: it is told so, instead of being sent as part of a URL that servers log. */
export function objectId(text: string): string {
  if (!/^[a-z]{2,10}_[0-9a-z]{1,40}$/.test(text))
    throw new InvalidArgumentError('Give an id such as tok_01k3zq4v8e7m.');
  return text;
}

function showPage<T extends Identified>({ noun, columns }: Resource<T>, { items, nextCursor }: Page<T>): Answer {
  const notes = [
    ...(items.length === 0 ? [`No ${noun}s.`] : []),
    ...(nextCursor === null ? [] : [`There are more: --all, or --cursor ${nextCursor}`]),
  ];
  return {
    data: { items, nextCursor },
    view: {
      kind: 'rows',
      columns: columns.map(([title]) => title),
      rows: items.map((item) => columns.map(([, cell]) => cell(item))),
    },
    quiet: items.map(({ id }) => id),
    notes,
  };
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}

function sampleId(noun: string): string {
  const prefixes: Readonly<Record<string, string>> = { token: 'tok', owner: 'own', workspace: 'ws' };
  return `${prefixes[noun] ?? noun}_01k3zq4v8e7m`;
}

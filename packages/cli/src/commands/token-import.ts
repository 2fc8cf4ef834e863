/** `tessera token import`: takes over the tokens of another system by their digests. */
import type { BodyInput, Output } from '@tessera/contract';
import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { withExamples } from '../examples.ts';
import type { Context } from '../invocation.ts';
import { parseJson, readDocument } from '../read-input.ts';

type Item = BodyInput<'tokens.import'>['items'][number];

/** What the API takes at once. */
const BATCH = 100;

export function addImport(group: Command, context: Context): void {
  const command = group
    .command('import')
    .description('take over tokens of another system by their digests, 100 at a time, each hundred whole or not at all')
    .argument('<file>', 'JSON array, {"items": [...]}, or a JSON object a line; - is stdin')
    .action(
      context.action(async ({ client, edge, args, note }) => {
        const items = readItems(await readDocument(edge, args[0] ?? '-'));
        const signedIn = await client();
        const imported: Output<'tokens.import'>['items'] = [];
        for (let start = 0; start < items.length; start += BATCH) {
          try {
            // What they hold is for the server to judge: it names each fault by its place.
            const answer = await signedIn.tokens.import(items.slice(start, start + BATCH) as Item[]);
            imported.push(...answer.items);
          } catch (error) {
            if (start > 0) note(`The first ${start} tokens were imported; this hundred and what follows were not.`);
            throw error;
          }
        }
        return {
          data: { items: imported },
          view: {
            kind: 'rows',
            columns: ['id', 'name', 'status', 'hint'],
            rows: imported.map(({ id, name, status, hint }) => [id, name, status, hint]),
          },
          quiet: imported.map(({ id }) => id),
          notes: [`Imported ${imported.length}.`],
        };
      }),
    );
  withExamples(command, ['tessera token import keys.json', 'export-keys | tessera token import - -o ndjson']);
}

function readItems(text: string): readonly unknown[] {
  const trimmed = text.trim();
  const items = itemsOf(
    trimmed.startsWith('{') && /\}\s*\n\s*\{/.test(trimmed) ? parseLines(trimmed) : parseJson(trimmed, 'the input'),
  );
  if (items === undefined || items.length === 0) {
    throw new CommandError('usage', 'the input holds no items', 'See tessera token import --help.');
  }
  return items;
}

function parseLines(text: string): unknown[] {
  return text.split('\n').flatMap((line, at) => (line.trim() === '' ? [] : [parseJson(line, `line ${at + 1}`)]));
}

function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  return 'items' in value && Array.isArray(value.items) ? value.items : [value];
}

/** Turns an answer into what goes to stdout, in the form that was asked for. */
import { CommandError } from '../command-error.ts';
import type { Answer, OutputFormat } from './answer.ts';
import { neutralise, neutraliseLines } from './neutralise.ts';
import { renderView } from './render-view.ts';

export interface OutputChoice {
  readonly format: OutputFormat;
  readonly quiet: boolean;
  readonly color: boolean;
}

/** @throws CommandError when the form does not suit the answer */
export function renderAnswer(answer: Answer, { format, quiet, color }: OutputChoice): string {
  if (quiet) return answer.quiet.map((line) => `${neutralise(line)}\n`).join('');
  switch (format) {
    case 'table':
      return renderView(answer.view, color);
    case 'json':
      return `${neutraliseLines(JSON.stringify(answer.data, null, 2))}\n`;
    case 'ndjson':
      return itemsOf(answer.data)
        .map((item) => `${neutraliseLines(JSON.stringify(item))}\n`)
        .join('');
    case 'env':
      return renderEnv(answer.data);
  }
}

/** A list is a line an item; anything else is one line. */
function itemsOf(data: unknown): readonly unknown[] {
  return isObject(data) && Array.isArray(data.items) ? data.items : [data];
}

/** `TESSERA_NAME=value` for each plain member, in a form that shells and `--env-file` read. */
function renderEnv(data: unknown): string {
  if (!isObject(data) || Array.isArray(data.items)) {
    throw new CommandError('usage', 'a list cannot be printed as env; use -o json or -o ndjson');
  }
  return Object.entries(data)
    .flatMap(([name, value]) => {
      const text = plainText(value);
      return text === undefined ? [] : [`TESSERA_${envName(name)}=${quoted(neutralise(text))}\n`];
    })
    .join('');
}

function plainText(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value.join(' ') : undefined;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

function envName(member: string): string {
  return member
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase();
}

/** Bare where that is safe, since `docker --env-file` takes quotes as part of the value. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_@%+:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

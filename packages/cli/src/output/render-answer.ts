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
      return renderEnv(answer.env);
  }
}

/** A list is a line an item; anything else is one line. */
function itemsOf(data: unknown): readonly unknown[] {
  return isObject(data) && Array.isArray(data.items) ? data.items : [data];
}

/** `NAME=value` lines, in a form that shells and `--env-file` read. */
function renderEnv(env: Answer['env']): string {
  if (env === undefined) throw new CommandError('usage', 'this cannot be printed as env; use -o json');
  return Object.entries(env)
    .map(([name, value]) => `${name}=${quoted(neutralise(value ?? ''))}\n`)
    .join('');
}

/** Bare where that is safe, since `docker --env-file` takes quotes as part of the value. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_@%+:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

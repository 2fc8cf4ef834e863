/** The one table that a run ends in. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describeMachine } from './machine.ts';

export interface Row {
  readonly what: string;
  readonly ours: string;
  /** What it is measured against, and its figure. */
  readonly against: string;
  readonly ratio: string;
  readonly goal: string;
  /** Undefined: recorded, without a goal yet. */
  readonly met: boolean | undefined;
}

export interface Outcome {
  readonly rows: readonly Row[];
  /** What a reader must know to judge the figures. */
  readonly notes: readonly string[];
}

const HEADINGS = ['what', 'ours', 'floor or peer', 'ratio', 'goal', 'met'];

export function report(outcomes: readonly Outcome[], now: Date, quick: boolean): string {
  const rows = outcomes.flatMap((outcome) => outcome.rows);
  const lines = [
    line(HEADINGS),
    line(HEADINGS.map(() => '---')),
    ...rows.map(({ what, ours, against, ratio, goal, met }) =>
      line([what, ours, against, ratio, goal, met === undefined ? 'recorded' : met ? 'yes' : '**no**']),
    ),
  ];
  const notes = outcomes.flatMap((outcome) => outcome.notes).map((note) => `- ${note}`);
  const machine = `${now.toISOString().slice(0, 10)}, ${describeMachine()}${quick ? ' A quick run: short rounds, small stores.' : ''}`;
  return [...lines, '', machine, '', ...notes].join('\n');
}

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/** Puts the report between the markers of a page. */
export function writeInto(page: URL, text: string): void {
  const old = readFileSync(page, 'utf8');
  const [begin, end] = [old.indexOf(BEGIN), old.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${page.pathname} has no place for the table`);
  writeFileSync(page, `${old.slice(0, begin + BEGIN.length)}\n${text}\n${old.slice(end)}`);
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

export function rate(perSecond: number): string {
  return `${Math.round(perSecond).toLocaleString('en')}/s`;
}

export function times(ratio: number): string {
  return ratio >= 10 ? `${ratio.toFixed(0)}x` : `${ratio.toFixed(2)}x`;
}

export function microseconds(milliseconds: number): string {
  return `${Math.round(1000 * milliseconds).toLocaleString('en')} µs`;
}

/** What is wrong with a configuration: where, and in which words. No problem ever repeats a value, which may be a secret. */
import { nearestName } from './nearest-name.ts';

export interface ConfigProblem {
  /** The file as the operator named it, or the name of an environment variable. */
  readonly source: string;
  /** 1-based; absent where the source has no lines. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
  /** The place inside the source, `routes[3].upstream`; empty where it is the whole. */
  readonly path: string;
  readonly message: string;
}

export type Path = readonly (string | number)[];

/** More than these are not shown: a file of another kind would otherwise have one for each of its lines. */
const MOST_PROBLEMS = 50;
/** Names are shown up to this length: shorter than any token text or key, which may stand where a name belongs. */
const LONGEST_SHOWN_NAME = 40;

/** One line of text: `tessera.yaml:12:5 routes[3].upstream: must be ...`. */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
  const path = problem.path === '' ? '' : ` ${problem.path}`;
  return `${problem.source}${place}${path}: ${problem.message}`;
}

/** `['routes', 3, 'upstream']` as `routes[3].upstream`. */
export function pathText(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? shownName(part) : `.${shownName(part)}`;
  }
  return text;
}

/** The message for a name that nothing is called by. */
export function unknownName(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return `unknown setting "${shownName(name)}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`;
}

/** The name itself where it looks like one; what is long or strange may be a secret in the wrong place. */
export function shownName(name: string): string {
  return name.length <= LONGEST_SHOWN_NAME && /^[\w.-]+$/.test(name) ? name : '(not shown)';
}

/** The first problems, and how many were left out. */
export function firstProblems(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  if (problems.length <= MOST_PROBLEMS) return problems;
  const shown = problems.slice(0, MOST_PROBLEMS);
  const source = shown.at(-1)?.source ?? '';
  return [...shown, { source, path: '', message: `and ${problems.length - MOST_PROBLEMS} more problems` }];
}

/** What a command answers: a value, printed in whatever form was asked for. */
import type { ExitName } from '../exit-codes.ts';

export interface Answer {
  /** Exactly what the API answered, for `--json`. */
  readonly data: unknown;
  /** The same for people. */
  readonly view: View;
  /** What `--quiet` prints, a line each: the secret or the id. */
  readonly quiet: readonly string[];
  /** What `-o env` prints: names of variables and their values. Absent: it cannot be printed so. */
  readonly env?: Readonly<Record<string, string | null>>;
  /** What people should know besides; goes to stderr. */
  readonly notes?: readonly string[];
  /** Default `ok`. */
  readonly exit?: ExitName;
}

export type View =
  | {
      readonly kind: 'rows';
      readonly columns: readonly string[];
      readonly rows: readonly (readonly Cell[])[];
      /** Default true. */
      readonly header?: boolean;
    }
  | { readonly kind: 'fields'; readonly fields: readonly (readonly [label: string, value: Cell])[] }
  | { readonly kind: 'text'; readonly text: string };

export type Cell = string | number | boolean | null | undefined | readonly (string | number)[];

export const outputFormats = ['table', 'json', 'ndjson', 'env'] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** One row that carries several tables: each column under a name that says whose it is. */
import { sql } from 'kysely';
import { columnNames } from './column-names.ts';
import type { Tables } from './tables.ts';

const columns = {
  workspaces: aliased('workspaces'),
  apis: aliased('apis'),
  owners: aliased('owners'),
  tokens: aliased('tokens'),
  secrets: aliased('secrets'),
  credits: aliased('credits'),
};

type Joined = keyof typeof columns;

/** What a joined query answers: values by `table:column`. */
export type JoinedRow = Readonly<Record<string, unknown>>;

/** The selection of every column of the tables named. */
export function columnsOf(...tables: readonly Joined[]) {
  return tables.flatMap((table) =>
    columns[table].map(({ name, alias }) => sql.ref<unknown>(`${table}.${name}`).as(alias)),
  );
}

/** The row of one table out of a joined one. */
export function part<T extends Joined>(table: T, row: JoinedRow): Tables[T] {
  const own: Record<string, unknown> = {};
  for (const { name, alias } of columns[table]) own[name] = row[alias];
  return own as unknown as Tables[T];
}

/** As `part`, of a row that came as a list of values: the one whose columns start at a place. Quicker, for the hottest read. */
export function partAt<T extends Joined>(table: T, values: readonly unknown[], start: number): Tables[T] {
  const own: Record<string, unknown> = {};
  for (const [index, { name }] of columns[table].entries()) own[name] = values[start + index];
  return own as unknown as Tables[T];
}

/** How many columns `columnsOf` has for these tables. */
export function widthOf(...tables: readonly Joined[]): number {
  return tables.reduce((width, table) => width + columns[table].length, 0);
}

function aliased(table: keyof typeof columnNames) {
  return columnNames[table].map((name: string) => ({ name, alias: `${table}:${name}` }));
}

/** Rows of PostgreSQL that are like another one but for what names them. */

export type Query = (
  text: string,
  values?: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** The statement that copies the row with `$1` in `key`: each column as it is there, or as `changed` says. */
export async function copying(
  query: Query,
  table: string,
  {
    key,
    from,
    changed,
  }: { readonly key: string; readonly from: string; readonly changed: Readonly<Record<string, string>> },
): Promise<string> {
  const columns = await query('select column_name as name from information_schema.columns where table_name = $1', [
    table,
  ]);
  const names = columns.map(({ name }) => String(name));
  const values = names.map((name) => changed[name] ?? `old.${name}`);
  return `insert into ${table} (${names.join(', ')}) select ${values.join(', ')} from ${table} old, ${from} where old.${key} = $1`;
}

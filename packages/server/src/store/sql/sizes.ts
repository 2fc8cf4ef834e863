/** Many rows in statements of a few sizes only, so that each text is built and prepared once: building costs more than running. */
import type { CompiledQuery } from 'kysely';

/** What counts of use are written in. */
const LARGEST = 256;

export interface Sized<Row> {
  readonly query: CompiledQuery;
  readonly rows: readonly Row[];
}

/** `build`: makes the statement for so many rows. */
export function bySize(build: (size: number) => CompiledQuery): <Row>(rows: readonly Row[]) => Iterable<Sized<Row>> {
  const statements = new Map<number, CompiledQuery>();
  return function* (rows) {
    for (let start = 0; start < rows.length; ) {
      const size = sizeFor(rows.length - start);
      const query = statements.get(size) ?? build(size);
      statements.set(size, query);
      yield { query, rows: rows.slice(start, start + size) };
      start += size;
    }
  };
}

/** The largest power of two that is not more than what is left. */
function sizeFor(left: number): number {
  return Math.min(LARGEST, 2 ** Math.floor(Math.log2(left)));
}

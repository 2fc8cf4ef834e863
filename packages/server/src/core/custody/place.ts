/** Where a sealed value is kept. It opens there and nowhere else: moved to another row, column or workspace it is broken. */
import { canonicalJson } from '../canonical-json.ts';

export interface Place {
  /** Empty: the installation's own. */
  readonly workspace: string;
  readonly table: string;
  readonly column: string;
  readonly row: string;
}

/** One spelling for each place, and no two places with the same: what is authenticated beside the value. */
export function placeBytes({ workspace, table, column, row }: Place): Uint8Array {
  return new TextEncoder().encode(canonicalJson(['tessera/v1', workspace, table, column, row]));
}

/** For messages: names the place, and nothing that is in it. */
export function placeName({ workspace, table, column, row }: Place): string {
  return `${table}.${column} of ${row}${workspace === '' ? '' : ` in ${workspace}`}`;
}

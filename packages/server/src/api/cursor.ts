/** Cursors of lists: opaque, and bound to their list, filter and workspace, so that none can be forged or reused elsewhere. */

import { Buffer } from 'node:buffer';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '../core/canonical-json.ts';
import { invalid } from '../core/refusal.ts';
import type { PageRequest } from '../core/store-port.ts';

/** What a cursor belongs to. */
export interface ListIdentity {
  readonly list: string;
  readonly workspace: string;
  readonly filter: Readonly<Record<string, unknown>>;
}

export interface PageQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface Cursors {
  /** What to read: one row more than is shown, which tells whether there is a next page. Throws `invalid_input` for a cursor that is not this list's. */
  request(identity: ListIdentity, query: PageQuery): PageRequest;
  page<T extends { readonly id: string }, V>(
    identity: ListIdentity,
    request: PageRequest,
    rows: readonly T[],
    view: (row: T) => V,
  ): { items: V[]; nextCursor: string | null };
}

const DEFAULT_LIMIT = 50;
const MAC_BYTES = 16;

export function cursors(key: Uint8Array): Cursors {
  const macOf = (identity: ListIdentity, position: string): Buffer =>
    createHmac('sha256', key)
      .update(canonicalJson({ ...identity, position }))
      .digest()
      .subarray(0, MAC_BYTES);

  const encode = (identity: ListIdentity, position: string): string =>
    Buffer.concat([macOf(identity, position), Buffer.from(position, 'latin1')]).toString('base64url');

  const decode = (identity: ListIdentity, cursor: string): string => {
    const bytes = Buffer.from(cursor, 'base64url');
    const position = bytes.subarray(MAC_BYTES).toString('latin1');
    const genuine =
      bytes.length > MAC_BYTES && timingSafeEqual(bytes.subarray(0, MAC_BYTES), macOf(identity, position));
    if (!genuine || bytes.toString('base64url') !== cursor)
      throw invalid('?cursor', 'is not a cursor of this list, filter and workspace', 'unknown_cursor');
    return position;
  };

  return {
    request(identity, query) {
      return {
        limit: (query.limit ?? DEFAULT_LIMIT) + 1,
        before: query.cursor === undefined ? undefined : decode(identity, query.cursor),
      };
    },
    page(identity, request, rows, view) {
      const shown = rows.slice(0, request.limit - 1);
      const last = shown.at(-1);
      const more = rows.length === request.limit && last !== undefined;
      return { items: shown.map(view), nextCursor: more ? encode(identity, last.id) : null };
    },
  };
}

/** A page of a list, as the contract has it. */
import type { Call } from '../core/call.ts';
import type { PageRequest } from '../core/store-port.ts';
import type { PageQuery } from './cursor.ts';
import type { ApiServices } from './services.ts';

export async function listed<T extends { readonly id: string }, V>(
  name: string,
  { call, query, services }: { readonly call: Call; readonly query: PageQuery; readonly services: ApiServices },
  read: (page: PageRequest) => Promise<readonly T[]>,
  view: (row: T) => V,
): Promise<{ items: V[]; nextCursor: string | null }> {
  const { limit, cursor, ...filter } = query;
  const identity = { list: name, workspace: call.workspace, filter };
  const page = services.cursors.request(identity, { limit, cursor });
  return services.cursors.page(identity, page, await read(page), view);
}

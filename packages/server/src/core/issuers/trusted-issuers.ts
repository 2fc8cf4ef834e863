/** The issuers that a workspace trusts, in memory wherever requests are judged: a text that names none of them costs no read of the store. */
import { LRUCache } from 'lru-cache';
import type { Feed } from '../feed.ts';
import type { Api } from '../model.ts';
import type { Reader } from '../store-port.ts';
import type { Issuer } from './issuer.ts';

export const MOST_ISSUERS = 100;

/** An issuer with the api that accepts its tokens. */
export interface Trust {
  readonly issuer: Issuer;
  readonly api: Api;
}

export interface TrustedIssuers {
  /** Oldest first. From memory where that may be believed. */
  of(workspace: string): Promise<readonly Trust[]> | readonly Trust[];
}

export interface TrustedIssuersOptions {
  readonly store: Pick<Reader, 'issuers' | 'api'>;
  readonly feed: Pick<Feed, 'fresh' | 'subscribe'>;
  /** Workspaces that are kept at once. */
  readonly most?: number;
}

/** Newest first, as the store lists them. */
export async function allIssuers(reader: Pick<Reader, 'issuers'>, workspace: string): Promise<readonly Issuer[]> {
  return reader.issuers(workspace, { limit: MOST_ISSUERS, before: undefined });
}

export function trustedIssuers({ store, feed, most = 1000 }: TrustedIssuersOptions): TrustedIssuers {
  const kept = new LRUCache<string, readonly Trust[]>({ max: most });
  /** Counts what was forgotten: what was read before is not kept after. */
  let forgotten = 0;
  feed.subscribe((change) => {
    if (change !== 'missed' && !/^(?:issuer|api)\./.test(change.kind)) return;
    forgotten += 1;
    if (change === 'missed') kept.clear();
    else kept.delete(change.workspace);
  });

  async function read(workspace: string): Promise<readonly Trust[]> {
    const before = forgotten;
    const trusts: Trust[] = [];
    for (const issuer of [...(await allIssuers(store, workspace))].reverse()) {
      const api = await store.api(workspace, issuer.api);
      if (api !== undefined) trusts.push({ issuer, api });
    }
    if (feed.fresh() && before === forgotten) kept.set(workspace, trusts);
    return trusts;
  }

  return { of: (workspace) => (feed.fresh() ? kept.get(workspace) : undefined) ?? read(workspace) };
}

/** How the tokens of a run come to be, each with the limit that it has. */
import { caller } from '../support/call.ts';
import type { Limit } from './history.ts';
import type { Node } from './platform.ts';
import { OWNED, type PooledToken, type Way } from './token-pool.ts';

type Written = Omit<Limit, 'token'>;

const DAY_MS = 86_400_000;
/** More than a run asks for. */
export const NEVER_REACHED: Omit<Written, 'onFault'> = { limit: 1_000_000, windowMs: DAY_MS, burst: 1_000_000 };
/** Used up in a moment, and let through now and then to the end: five requests in a second. */
const SOON_REACHED: Omit<Written, 'onFault'> = { limit: 100, windowMs: 20_000, burst: 12 };

export interface Minting {
  readonly way: Way;
  /** As a signed text, which is judged by what it says until something changes. */
  readonly signed?: boolean;
  readonly limit?: Written;
  /** Where the limit is written down. */
  readonly limits: Limit[];
}

export async function mintToken(node: Node, { way, signed = false, limit, limits }: Minting): Promise<PooledToken> {
  const root = caller(node.server(), node.server().rootToken);
  const owner = OWNED.includes(way)
    ? await root.do('owners.create', { body: { type: 'service', name: 'its own' } })
    : undefined;
  const { id, token: secret } = await root.mint({
    ...(owner !== undefined && { owner: owner.id }),
    // Some clocks are stepped by hours.
    ...(signed && { format: 'jwt' as const, expiresIn: '30d' }),
    ...(limit !== undefined && { limits: [inWordsOfTheApi(limit)] }),
  });
  if (limit !== undefined) limits.push({ ...limit, token: id });
  return { id, secret, way, owner: owner?.id, limit: limit?.onFault };
}

/** One for each thing that a limit can do while nothing counts it. */
export function mintLimited(node: Node, limits: Limit[]): Promise<readonly PooledToken[]> {
  return Promise.all(
    (['closed', 'open', 'local'] as const).map((onFault) =>
      mintToken(node, { way: 'revoke', limit: { ...SOON_REACHED, onFault }, limits }),
    ),
  );
}

function inWordsOfTheApi({ limit, windowMs, burst, onFault }: Written) {
  return { limit, window: windowMs / 1000, burst, onFault };
}

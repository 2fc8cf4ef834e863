/** Who has heard of a change: the nodes, and the verifiers in other processes. */
import type { Reader } from '../store-port.ts';

export interface Count {
  readonly confirmed: number;
  readonly total: number;
}

export interface Confirmations {
  readonly nodes: Count;
  readonly verifiers: Count;
}

/** Undefined where there is no such change yet. A node or verifier that is gone counts in neither number. */
export async function confirmations(
  reader: Pick<Reader, 'latestChange' | 'latestChangeUpTo' | 'nodes' | 'countVerifiers'>,
  workspace: string,
  seq: number,
): Promise<Confirmations | undefined> {
  if (seq > (await reader.latestChange())) return undefined;
  // A verifier is told of its own workspace alone: it has heard of everything up to here when it has that.
  const own = await reader.latestChangeUpTo(workspace, seq);
  const [nodes, verifiers] = await Promise.all([reader.nodes(), reader.countVerifiers(workspace, own)]);
  return {
    nodes: { confirmed: nodes.filter((node) => node.seq >= seq).length, total: nodes.length },
    verifiers,
  };
}

/** The facts that a verifier keeps, and what a change of the feed does to them. */
import { concerns } from '../../concerns.ts';
import { type FactsMemory, factsMemory } from '../facts-memory.ts';
import type { Change } from './recent-changes.ts';

export interface KeptFacts extends Pick<FactsMemory, 'get' | 'keep' | 'delete' | 'clear' | 'size'> {
  /**
   * Forgets what is other after this change. What is revoked is never anything else again, and is kept as that: else every verifier
   * would ask the server for the same token at the same moment.
   */
  drop(change: Change): void;
}

/** The feed does not say when, and no verdict does. */
const LONG_AGO = 0;

export function keptFacts(max: number): KeptFacts {
  const memory = factsMemory(max);
  return {
    ...memory,
    drop(change) {
      const { kind, id } = change;
      // What is new stands behind nothing that was read before.
      if (kind.endsWith('.created')) return;
      if (kind.startsWith('token.')) {
        memory.deleteDescendants(id);
        if (kind === 'token.revoked') memory.changeToken(id, (facts) => ({ ...facts, revokedAt: LONG_AGO }));
        else memory.deleteToken(id);
        return;
      }
      // Owners, roles, apis and workspaces change seldom and stand behind many tokens: all facts are gone through.
      memory.deleteWhere((facts) => concerns({ ...change, workspace: facts.workspace.id }, facts));
    },
  };
}

/** Which operations a node without management answers: those that judge, and those that other verifiers follow. */
import type { Operation } from '@tessera/contract';

const SCOPES: ReadonlySet<Operation['scope']> = new Set(['verify', 'changes:read']);

export function isOfDataPlane({ scope }: Operation): boolean {
  return SCOPES.has(scope);
}

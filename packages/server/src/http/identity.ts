/** Who called, for whoever is behind a door: written by us alone, after the edge stripped every other spelling. */
import type { Principal } from '@tessera/verify';

/** Appends the identity fields, name and value by turns. A token without owner has no `X-Tessera-Owner`. */
export function addIdentity(fields: string[], { id, owner, scopes }: Principal): void {
  fields.push('X-Tessera-Token-Id', id);
  if (owner !== undefined) fields.push('X-Tessera-Owner', owner.id);
  fields.push('X-Tessera-Scopes', scopes.length === 1 ? (scopes[0] ?? '') : scopes.join(' '));
}

/**
 * Whether the caller may still make a change, asked within the unit of work that makes it: between its verdict and now its
 * body arrived, at the caller's own pace, and another node may have ended its token.
 */
import { expandManagementScopes } from '@tessera/contract';
import { digestKeyOf } from '@tessera/verify';
import type { Bonds, Call, Confirmed } from './call.ts';
import type { Owner, Token } from './model.ts';
import { Refusal } from './refusal.ts';
import type { Reader, Tx } from './store-port.ts';

/** Throws `forbidden` where the caller's token, or one that it descends from, was ended, suspended or narrowed since its verdict. */
export async function confirmed(tx: Tx, call: Call): Promise<Confirmed> {
  const bonds = await bondsOf(tx, call);
  if (bonds === undefined) throw new Refusal('forbidden', 'your token was ended or narrowed since it was accepted');
  tx.tells();
  return { ...call, bonds };
}

async function bondsOf(reader: Reader, { actor, now }: Call): Promise<Bonds | undefined> {
  const found = await reader.token(actor.home, actor.token);
  if (found === undefined) return undefined;
  const secret = found.secrets.find(({ digest }) => digestKeyOf(digest) === actor.secret);
  const isReplaced = secret?.state === 'retiring';
  const isOver = isReplaced && now >= (secret.validUntil ?? 0);
  if (secret === undefined || secret.state === 'retired' || isOver) return undefined;
  const { parent, owner, workspace, kind, ip, boundKey } = found.token;
  const line = [found.token, ...(parent === null ? [] : await reader.ancestors(parent))];
  if (!line.every((one) => isAlive(one, now))) return undefined;
  const holder = owner === null ? undefined : await reader.owner(workspace, owner);
  if (owner !== null && holder?.enabled !== true) return undefined;
  for (const one of line) {
    const held = one.kind === 'personal_access_token' ? await heldBy(holder, one.scopes, reader) : one.scopes;
    const granted = new Set([...held, ...expandManagementScopes(held)]);
    if (!actor.scopes.every((scope) => granted.has(scope))) return undefined;
  }
  if ((await reader.workspace(workspace))?.enabled !== true) return undefined;
  return { kind, ip, boundKey, isChild: parent !== null, isReplaced };
}

/** Those of the scopes that the user's roles hold now: what a personal access token may do ends with them. */
async function heldBy(user: Owner | undefined, scopes: readonly string[], reader: Reader): Promise<readonly string[]> {
  const roles = user === undefined ? [] : await reader.rolesByIds(user.workspace, user.roles);
  return scopes.filter((scope) => roles.some((role) => role.scopes.includes(scope)));
}

function isAlive({ revokedAt, enabled, expiresAt }: Token, now: number): boolean {
  return revokedAt === null && enabled && (expiresAt === null || now < expiresAt);
}

/** Ending a token by its secret: whoever holds it may (RFC 7009), for it can do no more with it than end what it holds. */
import { type DigestKey, digestKeyOf, type TokenFacts } from '@tessera/verify';
import { actorOf } from '../actor.ts';
import type { Confirmed } from '../call.ts';
import { record } from '../call.ts';
import type { TokenWithSecrets } from '../model.ts';
import { tellChange } from '../signed/tell-change.ts';
import type { Tx } from '../store-port.ts';
import { revokeToken } from './change.ts';

export interface PresentedSecret {
  readonly facts: TokenFacts;
  readonly now: number;
  readonly requestId: string;
  readonly address: string | null;
}

export const BY_HOLDER = 'revoked by who presented it';

/**
 * Revokes the token of a secret. One that was replaced and lives on for its grace alone ends by itself: a stranger may have it, and
 * must not take away the one that replaced it. What has ended already stays as it is. Answers what was ended.
 */
export async function revokePresented(tx: Tx, presented: PresentedSecret): Promise<'token' | 'secret' | 'nothing'> {
  const { facts, now, requestId, address } = presented;
  tx.tells();
  const found = await tx.token(facts.workspace.id, facts.id);
  const secret = found && secretIn(found, facts.secret.key);
  if (found === undefined || secret === undefined || found.token.revokedAt !== null) return 'nothing';
  const { token } = found;
  const { kind, ip, boundKey } = token;
  const call: Confirmed = {
    actor: actorOf(facts),
    workspace: token.workspace,
    now,
    requestId,
    address,
    ifMatch: undefined,
    bonds: { kind, ip, boundKey, isChild: token.parent !== null, isReplaced: secret.state === 'retiring' },
  };
  if (secret.state === 'retired') return 'nothing';
  if (secret.state !== 'retiring') {
    await revokeToken(tx, call, token.id, BY_HOLDER);
    return 'token';
  }
  await tx.updateSecret({ ...secret, state: 'retired', validUntil: Math.min(secret.validUntil ?? now, now) });
  await tx.updateToken({ ...token, updatedAt: now, version: token.version + 1 });
  const target = { type: 'token', id: token.id };
  record(tx, call, 'token.secret.revoke', target, { fingerprint: secret.fingerprint, reason: BY_HOLDER });
  await tellChange(tx, { workspace: token.workspace, kind: 'token.rotated', id: token.id }, now);
  return 'secret';
}

function secretIn({ secrets }: TokenWithSecrets, key: DigestKey): TokenWithSecrets['secrets'][number] | undefined {
  return secrets.find(({ digest }) => digestKeyOf(digest) === key);
}

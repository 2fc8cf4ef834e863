/** Rotation: a token keeps its id and gets a new secret; at most two secrets live at a time; and it can be undone. */

import { type Call, type Confirmed, checkVersion, record } from '../call.ts';
import type { Secret, Token, TokenWithSecrets } from '../model.ts';
import { Refusal } from '../refusal.ts';
import { tellChange } from '../signed/tell-change.ts';
import type { Tx } from '../store-port.ts';
import { checkAuthority } from './authority.ts';
import { apiOf, tokenOf } from './change.ts';
import { draw, textOf } from './draw.ts';
import type { Minted, Minting } from './mint.ts';

export interface RotationWish {
  readonly graceSeconds?: number | undefined;
  readonly activate?: 'now' | 'first-use' | undefined;
}

const DEFAULT_GRACE_SECONDS = 86_400;

export async function rotate(
  tx: Tx,
  call: Confirmed,
  id: string,
  { signing, ...wish }: RotationWish & Pick<Minting, 'signing'>,
): Promise<Minted> {
  const { token, secrets } = await rotatable(tx, call, id);
  const api = await apiOf(tx, token);
  const grace = wish.graceSeconds ?? DEFAULT_GRACE_SECONDS;
  const pending = wish.activate === 'first-use';
  for (const secret of secrets)
    await tx.updateSecret(pending ? makeRoomForPending(secret, call.now) : replaced(secret, call.now, grace));
  const { now } = call;
  const newText = () => textOf(tx, { token, api, number: secrets.length + 1, now }, signing);
  const { text, secret } = await draw({ token, now, text: newText }, (drawn) =>
    tx.insertSecret(pending ? { ...drawn, state: 'pending', graceSeconds: grace } : drawn),
  );
  const details = { graceSeconds: grace, activate: wish.activate ?? 'now', fingerprint: secret.fingerprint };
  return { ...(await rotated(tx, call, { token, action: 'token.rotate', details })), text };
}

/** Gives the token back the secret it had, while that one still lives; the newer one is refused from now on. */
export async function cancelRotation(tx: Tx, call: Confirmed, id: string): Promise<TokenWithSecrets> {
  const { token, secrets } = await rotatable(tx, call, id);
  const pending = secrets.find((secret) => secret.state === 'pending');
  const retiring = secrets.find((secret) => secret.state === 'retiring' && (secret.validUntil ?? 0) > call.now);
  if (pending !== undefined) {
    await tx.updateSecret(ended(pending, call.now));
  } else if (retiring !== undefined) {
    for (const secret of secrets) if (secret.state === 'active') await tx.updateSecret(ended(secret, call.now));
    await tx.updateSecret({ ...retiring, state: 'active', validUntil: null });
  } else {
    throw new Refusal('conflict', 'there is no rotation to undo, or its old secret has ended');
  }
  return rotated(tx, call, {
    token,
    action: 'token.rotate.cancel',
    details: { kept: (pending ? secrets.find((secret) => secret.state === 'active') : retiring)?.fingerprint ?? null },
  });
}

/** The first use of a pending secret: it is the token's secret now, and the grace of the old one starts. Done twice, it changes nothing. */
export async function activate(
  tx: Tx,
  use: { readonly workspace: string; readonly token: string; readonly digest: Uint8Array; readonly now: number },
): Promise<void> {
  const found = await tx.token(use.workspace, use.token);
  const pending = found?.secrets.find((secret) => secret.state === 'pending' && sameBytes(secret.digest, use.digest));
  if (found === undefined || pending === undefined || found.token.revokedAt !== null) return;
  for (const secret of found.secrets) {
    if (secret === pending) await tx.updateSecret({ ...secret, state: 'active', graceSeconds: null });
    else await tx.updateSecret(replaced(secret, use.now, pending.graceSeconds ?? 0));
  }
  const token: Token = { ...found.token, updatedAt: use.now, version: found.token.version + 1 };
  await tx.updateToken(token);
  tx.record({
    workspace: use.workspace,
    at: use.now,
    actor: { token: token.id, owner: token.owner, kind: 'system' },
    action: 'token.rotate.activate',
    target: { type: 'token', id: token.id },
    outcome: 'ok',
    requestId: null,
    address: null,
    details: { fingerprint: pending.fingerprint },
  });
  await tellChange(tx, { workspace: use.workspace, kind: 'token.rotated', id: token.id }, use.now);
}

async function rotatable(tx: Tx, call: Confirmed, id: string): Promise<TokenWithSecrets> {
  const found = await tokenOf(tx, call, id);
  checkAuthority(call, await apiOf(tx, found.token), found.token);
  checkVersion(call, found.token);
  if (found.token.revokedAt !== null) throw new Refusal('conflict', 'the token is revoked');
  if (found.token.expiresAt !== null && found.token.expiresAt <= call.now)
    throw new Refusal('conflict', 'the token has expired');
  return found;
}

async function rotated(
  tx: Tx,
  call: Call,
  {
    token,
    action,
    details,
  }: { readonly token: Token; readonly action: string; readonly details: Record<string, unknown> },
): Promise<TokenWithSecrets> {
  await tx.updateToken({ ...token, updatedAt: call.now, version: token.version + 1 });
  record(tx, call, action, { type: 'token', id: token.id }, details);
  await tellChange(tx, { workspace: call.workspace, kind: 'token.rotated', id: token.id }, call.now);
  return tokenOf(tx, call, token.id);
}

/** What becomes of a secret when a newer one takes over: the current one gets the grace, older ones end. */
function replaced(secret: Secret, now: number, graceSeconds: number): Secret {
  if (secret.state === 'active' && graceSeconds > 0)
    return { ...secret, state: 'retiring', validUntil: now + graceSeconds * 1000 };
  return ended(secret, now);
}

/** Beside a pending secret only the current one lives. */
function makeRoomForPending(secret: Secret, now: number): Secret {
  return secret.state === 'active' ? secret : ended(secret, now);
}

function ended(secret: Secret, now: number): Secret {
  if (secret.state === 'retired') return secret;
  return { ...secret, state: 'retired', validUntil: Math.min(secret.validUntil ?? now, now), graceSeconds: null };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** What verifiers in other processes have counted: added once for each batch, however often it is sent. */
import { hash } from 'node:crypto';
import { type DigestKey, digestBytes, digestKeyOf } from '@tessera/verify';
import type { Call } from '../call.ts';
import { hourOf } from '../hourly-counts.ts';
import type { UsageCount } from '../model.ts';
import { writeOnce } from '../numbered-batch.ts';
import { periodAt } from '../periods.ts';
import { Refusal } from '../refusal.ts';
import type { Tx } from '../store-port.ts';
import { activate } from '../tokens/rotate.ts';

export interface UsageBatch {
  /** Names the process that counted, among those that call with the same token. */
  readonly verifier: string;
  /** Of its batches: each later one has a higher number, and is sent when the one before was answered. */
  readonly number: number;
  readonly counts: readonly UsageCount[];
  readonly uses: readonly { readonly digest: DigestKey; readonly at: number }[];
}

/** Times before that, and times to come, are those of a clock that is wrong: what was counted counts, at the nearest time. */
const OLDEST_MS = 7 * 86_400_000;

/** Of a workspace, in a day: what is remembered of each takes room, and a name costs its caller nothing. */
const MOST_NEW_VERIFIERS = 1_000_000;
/** Of one token, so that whoever has it makes no room scarce for the others of its workspace. */
const MOST_NEW_OF_TOKEN = 100_000;

/**
 * Whether it was added; false: it had been before. What is said of tokens of another workspace is passed over, as of unknown ones.
 * Throws `too_many` where the token had a hundred thousand verifiers that day, or its workspace a million.
 */
export async function addReportedUsage(tx: Tx, call: Call, batch: UsageBatch): Promise<boolean> {
  const { now, workspace } = call;
  const sender = `verifier:${hash('sha256', JSON.stringify([workspace, call.actor.token, batch.verifier]), 'hex')}`;
  const plausible = (time: number): number => Math.min(now, Math.max(time, now - OLDEST_MS));
  const counts = batch.counts.map((count) => ({ ...count, hour: hourOf(plausible(count.hour)) }));
  const uses = batch.uses.map(({ digest, at }) => ({ digest, at: plausible(at) }));
  return writeOnce(tx, { sender, number: batch.number, now }, async (sent) => {
    if (sent === 'first') await makeAcquaintance(tx, call);
    await addCounts(tx, call, counts);
    await addUses(tx, call, uses);
  });
}

async function makeAcquaintance(tx: Tx, { workspace, actor: { token }, now }: Call): Promise<void> {
  const day = periodAt('day', now).key;
  const bounds = [
    ['token', token, MOST_NEW_OF_TOKEN],
    ['workspace', workspace, MOST_NEW_VERIFIERS],
  ] as const;
  for (const [of, id, limit] of bounds) {
    const { allowed } = await tx.spendQuota(`verifiers:${id}`, day, { cost: 1, limit });
    if (!allowed) throw new Refusal('too_many', `the ${of} had ${limit} verifiers today`);
  }
}

async function addCounts(tx: Tx, { workspace }: Call, counts: readonly UsageCount[]): Promise<void> {
  const known = new Set(
    await tx.tokensAmong(
      workspace,
      counts.map(({ token }) => token),
    ),
  );
  const own = counts.filter(({ token }) => known.has(token));
  if (own.length > 0) await tx.addUsage(own);
}

async function addUses(tx: Tx, { workspace, now }: Call, uses: UsageBatch['uses']): Promise<void> {
  const at = new Map<DigestKey, number>();
  for (const use of uses) at.set(use.digest, Math.max(use.at, at.get(use.digest) ?? 0));
  const secrets = await tx.secretsAmong(workspace, [...at.keys()].map(digestBytes));
  const used = secrets.map((secret) => ({ ...secret, at: at.get(digestKeyOf(secret.digest)) ?? 0 }));
  if (used.length > 0) await tx.touch(used.map(({ token, digest, at }) => ({ token, digest, at })));
  // The first use of a secret that waited for it: from now on the old one's grace runs. Not from when the verifier says:
  // one whose clock is behind would end the old secret before its time, under everybody who still uses it.
  for (const { token, digest, state } of used)
    if (state === 'pending') await activate(tx, { workspace, token, digest, now });
}

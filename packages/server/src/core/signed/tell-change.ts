/** Changes that concern signed tokens say so in the feed: those that were signed before are not believed by their claims any more. */
import type { ChangeEntry } from '../model.ts';
import type { SignedSubject, Tx } from '../store-port.ts';

/** By how much the clock of another node may be behind: a text that has ended by ours lives on there. */
const SKEW_MS = 60_000;

/** Milliseconds since the epoch until which a change concerns a signed token; undefined: it concerns none. */
export async function signedUntil(
  tx: Pick<Tx, 'lastSigned'>,
  { workspace, kind, id }: ChangeEntry,
  now: number,
): Promise<number | undefined> {
  const subject = subjectOf(kind);
  return subject && tx.lastSigned({ workspace, subject, id }, now - SKEW_MS);
}

/** Appends a change to the feed, with the time until which it is a notice. */
export async function tellChange(tx: Tx, change: ChangeEntry, now: number): Promise<void> {
  const until = await signedUntil(tx, change, now);
  tx.changed({ ...change, ...(until !== undefined && { signedUntil: until }) });
}

/**
 * Of roles no text says anything: those of owners that have one are always asked for. What a key signed verifies no more once the key is
 * gone, and what is new concerns nothing that was signed before.
 */
function subjectOf(kind: ChangeEntry['kind']): SignedSubject['subject'] | undefined {
  const [subject] = kind.split('.');
  switch (subject) {
    case 'token':
    case 'owner':
    case 'api':
    case 'client':
    case 'session':
    case 'workspace':
      return subject;
    case 'prefix':
      return 'workspace';
    default:
      return undefined;
  }
}

/** Which verifiers of a workspace are counted where there are more than may be: each token has its share, so that none hides those of another. */
import type { VerifierReport } from '../../core/store-port.ts';

export interface KnownVerifier {
  readonly token: string;
  readonly id: string;
  readonly isGone: boolean;
  /** Milliseconds since the epoch; later for who reported later. */
  readonly liveUntil: number;
}

export interface Room {
  /** Reports that are written. */
  readonly taken: readonly VerifierReport[];
  /** Verifiers that make room. */
  readonly dropped: readonly KnownVerifier[];
}

/**
 * Whoever may report may do so under any number of names. So the tokens with the most verifiers give way, down to what is the same for
 * all of them, and among those of one token the ones that were there before stay.
 */
export function roomFor(known: readonly KnownVerifier[], reports: readonly VerifierReport[], most: number): Room {
  const names = new Set(known.map(nameOf));
  const coming = reports.filter(({ token, verifier }) => !names.has(nameOf({ token, id: verifier })));
  if (known.length + coming.length <= most) return { taken: reports, dropped: [] };
  const reported = new Set(reports.map(({ token, verifier }) => nameOf({ token, id: verifier })));
  const isReported = (one: KnownVerifier): number => Number(reported.has(nameOf(one)));
  const alive = known
    .filter(({ isGone }) => !isGone)
    .sort((one, other) => isReported(other) - isReported(one) || other.liveUntil - one.liveUntil);
  const knownOf = Map.groupBy(alive, ({ token }) => token);
  const comingOf = Map.groupBy(coming, ({ token }) => token);
  const tokens = [...new Set([...knownOf.keys(), ...comingOf.keys()])];
  const countOf = (token: string): number => (knownOf.get(token)?.length ?? 0) + (comingOf.get(token)?.length ?? 0);
  const share = evenShare(tokens.map(countOf), most);
  const kept = new Set<string>();
  for (const token of tokens) {
    const stays = (knownOf.get(token) ?? []).slice(0, share);
    for (const one of stays) kept.add(nameOf(one));
    for (const { verifier } of (comingOf.get(token) ?? []).slice(0, share - stays.length))
      kept.add(nameOf({ token, id: verifier }));
  }
  return {
    taken: reports.filter(({ token, verifier }) => kept.has(nameOf({ token, id: verifier }))),
    dropped: known.filter((one) => !kept.has(nameOf(one))),
  };
}

/** The most that each may have, so that all together have no more than `most`: who has less leaves the rest to the others. */
function evenShare(counts: readonly number[], most: number): number {
  let left = most;
  for (const [index, count] of counts.toSorted((one, other) => one - other).entries()) {
    const even = Math.floor(left / (counts.length - index));
    if (count > even) return even;
    left -= count;
  }
  return most;
}

function nameOf({ token, id }: Pick<KnownVerifier, 'token' | 'id'>): string {
  return `${token} ${id}`;
}

/** Rounds in which contestants take turns, so that whatever else the machine does meets all of them alike. */

/** One figure a round of each contestant. */
export type Figures<Name extends string> = Readonly<Record<Name, readonly number[]>>;

export async function takeTurns<Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, () => number | Promise<number>>>,
): Promise<Figures<Name>> {
  const names = Object.keys(contestants) as Name[];
  const figures = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round += 1) {
    // Who comes second in one round is first in the next: nobody always runs on a warmer machine.
    for (const name of round % 2 === 0 ? names : names.toReversed()) figures[name].push(await contestants[name]());
  }
  return figures;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** The median of the rounds' own ratios: a slow round slows both sides of it. */
export function medianRatio(ours: readonly number[], others: readonly number[]): number {
  return median(ours.map((value, round) => value / (others[round] ?? Number.NaN)));
}

/** @param share between 0 and 1: 0.99 for the 99th percentile */
export function percentile(values: Float64Array, share: number): number {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

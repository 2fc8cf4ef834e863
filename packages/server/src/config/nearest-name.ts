/** "Did you mean": the known name that is nearest to a mistyped one. */

/** A name longer than this is no slip of the finger, and comparing it would cost. */
const LONGEST_NAME = 64;
/** A word of a longer name is compared by itself from this length on, so that `rate_limti` finds `limits`. */
const SHORTEST_WORD = 4;

/** The candidate that differs least from `name`, or undefined where none is near: at most a third of its letters differ. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  // A whole name that is near wins over a word of it: `gatewyPort` is no `port`.
  return nearest([name], candidates) ?? nearest(longWords(name), candidates);
}

function nearest(spellings: readonly string[], candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    for (const spelling of spellings) {
      const [a, b] = [letters(spelling), letters(candidate)];
      const distance = editDistance(a, b);
      if (distance > Math.floor(Math.max(a.length, b.length) / 3) || distance >= bestDistance) continue;
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function longWords(name: string): string[] {
  const words = name.replace(/([a-z])([A-Z])/g, '$1_$2').split(/[^A-Za-z0-9]+/);
  return words.filter((word) => word.length >= SHORTEST_WORD && word.length < name.length);
}

/** `gateway_port`, `gateway-port` and `gatewayPort` are the same word to whoever types them. */
function letters(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, '').toLowerCase();
}

/** Damerau-Levenshtein distance, optimal string alignment: insert, delete, replace, swap two neighbours. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1];
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
        swapped ? at(beforeLast, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}

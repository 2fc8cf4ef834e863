/** Which texts may be imported tokens, and under which digests: as the server said last. */
import { type DigestKey, digestKey } from '../../digest.ts';
import { ServerUnavailable } from './server-calls.ts';
import type { ImportedPrefix } from './wire.ts';

export interface ImportedTexts {
  isKnown(): boolean;
  set(imports: readonly ImportedPrefix[]): void;
  /** Digests to try for a text that is not of our own format; most texts have none. Throws before the first `set`. */
  digestsOf(text: string): readonly DigestKey[];
}

export function importedTexts(): ImportedTexts {
  let current: readonly ImportedPrefix[] | undefined;
  let byPrefix = new Map<string, readonly ImportedPrefix['algorithm'][]>();
  let lengths: readonly number[] = [];
  return {
    isKnown: () => current !== undefined,
    set(imports) {
      // Every answer says it, and it is nearly always the same.
      if (current !== undefined && isSame(imports, current)) return;
      current = imports;
      const groups = Map.groupBy(imports, ({ prefix }) => prefix);
      byPrefix = new Map([...groups].map(([prefix, group]) => [prefix, group.map(({ algorithm }) => algorithm)]));
      lengths = [...new Set(imports.map(({ prefix }) => prefix.length))];
    },
    digestsOf(text) {
      if (current === undefined)
        throw new ServerUnavailable('the server has not said yet what imported tokens look like');
      const algorithms = lengths.flatMap((length) => byPrefix.get(text.slice(0, length)) ?? []);
      return [...new Set(algorithms)].map((algorithm) => digestKey(text, algorithm));
    },
  };
}

function isSame(one: readonly ImportedPrefix[], other: readonly ImportedPrefix[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ prefix, algorithm }, at) => other[at]?.prefix === prefix && other[at]?.algorithm === algorithm)
  );
}

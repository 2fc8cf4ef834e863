/** However many names somebody reports under: no more verifiers are counted than may be, and those of others are counted all the same. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type KnownVerifier, roomFor } from '../../src/store/sql/verifier-room.ts';

const token = fc.integer({ min: 0, max: 4 }).map((number) => `tok_${number}`);
const id = fc.integer({ min: 0, max: 30 }).map((number) => `vrf_${number}`);
const nameOf = (one: { readonly token: string; readonly id: string }): string => `${one.token} ${one.id}`;
const known = fc.uniqueArray(
  fc.record({ token, id, isGone: fc.boolean(), liveUntil: fc.nat(100) }) satisfies fc.Arbitrary<KnownVerifier>,
  { selector: nameOf, maxLength: 60 },
);
const reports = fc.uniqueArray(fc.record({ workspace: fc.constant('ws_1'), token, verifier: id, seq: fc.nat(9) }), {
  selector: ({ token: of, verifier }) => `${of} ${verifier}`,
  maxLength: 60,
});

test('there are never more than may be, and who has no more than an even share of them keeps all', () => {
  fc.assert(
    fc.property(known, reports, fc.integer({ min: 1, max: 60 }), (before, told, most) => {
      const { taken, dropped } = roomFor(before, told, most);
      const gone = new Set(dropped.map(nameOf));
      const alive = new Map<string, Set<string>>();
      const add = (of: string, name: string): void => void alive.set(of, (alive.get(of) ?? new Set()).add(name));
      for (const one of before) if (!gone.has(nameOf(one))) add(one.token, one.id);
      for (const { token: of, verifier } of taken) add(of, verifier);
      const total = [...alive.values()].reduce((sum, { size }) => sum + size, 0);
      expect(total).toBeLessThanOrEqual(most);
      const farewell = new Set(before.filter(({ isGone }) => isGone).map(nameOf));
      const wanted = Map.groupBy(
        [...before, ...told.map(({ token: of, verifier }) => ({ token: of, id: verifier }))].filter(
          // Who said goodbye is not waited for, and makes room.
          (one) => !farewell.has(nameOf(one)),
        ),
        (one) => one.token,
      );
      for (const [of, all] of wanted) {
        const names = new Set(all.map((one) => one.id));
        if (names.size > Math.floor(most / wanted.size)) continue;
        for (const name of names) expect(alive.get(of)).toContain(name);
      }
    }),
    { numRuns: 500 },
  );
});

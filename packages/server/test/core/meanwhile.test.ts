/** A read hears of every change that came while it was under way, and of no other. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { meanwhile } from '../../src/core/meanwhile.ts';
import type { Change } from '../../src/core/model.ts';

const MOST = 5;
const change = (id: string): Change => ({ seq: 1, at: 0, workspace: 'ws_1', kind: 'token.updated', id });

test('any reads among any changes: concerned where one of its own came, or more than are remembered', () => {
  const step = fc.oneof(
    fc.constant('begin' as const),
    fc.record({ end: fc.nat(5) }),
    fc.record({ change: fc.constantFrom('a', 'b', 'c', 'missed') }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const changing = meanwhile(MOST);
      const reads: { readonly end: ReturnType<typeof changing.begin>; readonly heard: string[] }[] = [];
      for (const step of steps) {
        if (step === 'begin') reads.push({ end: changing.begin(), heard: [] });
        else if ('change' in step) {
          changing.hear(step.change === 'missed' ? 'missed' : change(step.change));
          for (const { heard } of reads) heard.push(step.change);
        } else {
          const [read] = reads.splice(step.end % Math.max(1, reads.length), 1);
          if (read === undefined) continue;
          const told = read.end(({ id }) => id === 'a');
          const isConcerned = read.heard.some((id) => id === 'a' || id === 'missed');
          if (isConcerned) expect(told).toBe(true);
          // What is no longer remembered counts as concerned, and only that.
          else if (told) expect(read.heard.length).toBeGreaterThan(0);
          if (read.heard.length === 0) expect(told).toBe(false);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('what is remembered is exact as long as no more came than are', () => {
  const changing = meanwhile(MOST);
  for (let round = 0; round < 3; round += 1) {
    const end = changing.begin();
    for (let index = 0; index < MOST; index += 1) changing.hear(change('b'));
    expect(end(({ id }) => id === 'a')).toBe(false);
    const late = changing.begin();
    for (let index = 0; index <= MOST; index += 1) changing.hear(change('b'));
    expect(late(({ id }) => id === 'a')).toBe(true);
  }
});

/** Finding takes time in proportion to the text, whatever somebody put into it. */
import { describe, expect, it } from 'vitest';
import { find, redact } from '../src/find.ts';

const MEGABYTE = 2 ** 20;
const fill = (unit: string, length: number) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length);

/** CPU time of the least of several runs, in milliseconds: noise only ever adds, and what others do meanwhile does not count. */
function least(rounds: number, run: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const start = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(start);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

describe.each([
  ['anchors end to end', 'a_live_'],
  ['anchors that share separators', '_live_test'],
  ['encoded anchors', '%5Flive%5F'],
  ['separators', '_'],
  ['half-encoded separators', '%5'],
  ['prefix characters', 'a'],
  ['secrets with wrong checksums behind the longest prefix', `aaaaaaaaaaaaaaaa_live_${'b'.repeat(49)}`],
  ['one anchor and then only secret', `_live_${'b'.repeat(MEGABYTE)}`],
])('%s', (_, unit) => {
  it('costs eight times the length less than thirty times the time', () => {
    const short = fill(unit, MEGABYTE / 8);
    const long = fill(unit, MEGABYTE);
    least(2, () => redact(short, () => ''));
    // Were it quadratic, the factor would be 64. The constant keeps the clock's grain out of the quotient.
    const shortTime = least(5, () => redact(short, () => '')) + 0.2;
    expect(least(3, () => redact(long, () => '')) / shortTime).toBeLessThan(30);
  });
});

it('a megabyte of anchors costs no more than two hundred times a megabyte of words', () => {
  const words = fill('the quick brown fox jumps over the lazy dog ', MEGABYTE);
  const anchors = fill('a_live_', MEGABYTE);
  const wordTime = least(5, () => find(words));
  expect(least(3, () => find(anchors))).toBeLessThan(200 * wordTime);
});

/** An outage does not fill the log: what fails for one reason is told at once, then every ten seconds, and counted meanwhile. */
import { expect, test } from 'vitest';
import { type Failure, toldRarely } from '../../src/observe/told-rarely.ts';

function listening() {
  const lines: Failure[] = [];
  const time = { now: 0 };
  return {
    lines,
    time,
    failed: toldRarely(
      () => time.now,
      (failure) => lines.push(failure),
    ),
  };
}

test('the first is told at once, its like ten seconds later with their number', () => {
  const { lines, time, failed } = listening();
  const errors = Array.from({ length: 41 }, () => new Error('connect ECONNREFUSED 127.0.0.1:5432'));
  for (const [index, error] of errors.entries()) {
    time.now = index * 250;
    failed(error);
  }
  expect(lines).toEqual([{ err: errors[0] }, { err: errors[40], repeats: 39 }]);
});

test('another reason is told at once', () => {
  const { lines, failed } = listening();
  failed(new Error('refused'));
  failed(new TypeError('refused'));
  failed('refused');
  failed('refused');
  expect(lines.map(({ err }) => String(err))).toEqual(['Error: refused', 'TypeError: refused', 'refused']);
});

test('what failed once and not again is told without a number', () => {
  const { lines, time, failed } = listening();
  failed('refused');
  time.now = 10_000;
  failed('refused');
  expect(lines).toEqual([{ err: 'refused' }, { err: 'refused' }]);
});

test('reasons that never repeat are told each, and are not kept', () => {
  const { lines, failed } = listening();
  for (let number = 0; number < 1_000; number += 1) failed(`request ${number}`);
  expect(lines).toHaveLength(1_000);
  failed('request 0');
  expect(lines).toHaveLength(1_001);
});

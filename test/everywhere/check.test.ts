/** The checker finds what must never happen, in histories that hold it, and nothing in those that do not. */
import { describe, expect, it } from 'vitest';
import { check, excerpt } from './check.ts';
import { type Call, type History, type Limit, newHistory, type Outcome, type Revocation } from './history.ts';

const BOUND = { boundMs: 5000 };

function call(judge: string, outcome: Outcome, [start, end]: readonly [number, number]): Call {
  return { judge, door: 'verify', token: 't', start, end, outcome };
}

/** Asked of node A at 100, and acknowledged at 110. */
const REVOKED: Revocation = { token: 't', way: 'revoke', judge: 'A', start: 100, acknowledged: 110 };

function rulesOf(calls: Call[], revocations: Revocation[] = [REVOKED], more: Partial<History> = {}) {
  return check({ ...newHistory(), calls, revocations, ...more }, BOUND).violations.map(({ rule, byMs }) => [
    rule,
    byMs,
  ]);
}

describe('the checker finds', () => {
  it('an allow of the node that acknowledged, in a call that began later', () => {
    expect(rulesOf([call('A', 'allowed', [110.5, 112])])).toEqual([['here', 0.5]]);
  });

  it('an allow of any node that began later than the bound', () => {
    expect(rulesOf([call('B', 'allowed', [5111, 5112])])).toEqual([['everywhere', 1]]);
  });

  it('both, where the node that acknowledged allows beyond the bound', () => {
    expect(rulesOf([call('A', 'allowed', [6110, 6112])])).toEqual([
      ['here', 6000],
      ['everywhere', 1000],
    ]);
  });

  it('a token that came back on a node that had refused it, though nobody acknowledged its end', () => {
    const { acknowledged: _, ...unheard } = REVOKED;
    const calls = [call('B', 'ended', [120, 125]), call('B', 'allowed', [130, 131])];
    expect(rulesOf(calls, [unheard])).toEqual([['came back', 5]]);
  });

  it('a token that came back elsewhere later than the bound after it was refused', () => {
    const { acknowledged: _, ...unheard } = REVOKED;
    const calls = [call('B', 'ended', [120, 125]), call('C', 'allowed', [5126, 5127])];
    expect(rulesOf(calls, [unheard])).toEqual([['came back', 1]]);
  });

  it('each of the nodes that acknowledged, where two were asked', () => {
    const second: Revocation = { ...REVOKED, judge: 'B', acknowledged: 200 };
    const calls = [call('B', 'allowed', [150, 151]), call('B', 'allowed', [201, 202])];
    expect(rulesOf(calls, [REVOKED, second])).toEqual([['here', 1]]);
  });

  it('the bound counted from the first acknowledgement, where two were asked', () => {
    const second: Revocation = { ...REVOKED, judge: 'B', acknowledged: 4000 };
    expect(rulesOf([call('C', 'allowed', [5120, 5121])], [second, REVOKED])).toEqual([['everywhere', 10]]);
  });

  it('a token that is told to have ended before anybody asked for it', () => {
    expect(rulesOf([call('B', 'ended', [90, 95])])).toEqual([['too soon', 5]]);
  });

  it('a token that is told to have ended although nobody ever asked for it', () => {
    expect(rulesOf([call('B', 'ended', [90, 95])], [])).toEqual([['too soon', Infinity]]);
  });

  it('a violation whatever the order of the log', () => {
    const calls = [call('B', 'allowed', [130, 131]), call('B', 'ended', [120, 125])];
    expect(rulesOf(calls)).toEqual([['came back', 5]]);
  });
});

describe('the checker finds nothing in', () => {
  it('calls that were under way when the revocation was acknowledged', () => {
    expect(rulesOf([call('A', 'allowed', [109, 7000]), call('A', 'allowed', [110, 111])])).toEqual([]);
  });

  it('an allow elsewhere that began within the bound', () => {
    expect(rulesOf([call('B', 'allowed', [5110, 9000])])).toEqual([]);
  });

  it('refusals, faults and broken connections, whenever they are', () => {
    const later = (['ended', 'refused', 'unanswered'] as const).map((outcome) => call('A', outcome, [8000, 8001]));
    expect(rulesOf(later)).toEqual([]);
  });

  it('an allow after a fault, which tells nothing of the token', () => {
    const { acknowledged: _, ...unheard } = REVOKED;
    const calls = [call('B', 'refused', [120, 125]), call('B', 'allowed', [130, 131])];
    expect(rulesOf(calls, [unheard])).toEqual([]);
  });

  it('an answer that the token has ended while its revocation is under way', () => {
    expect(rulesOf([call('B', 'ended', [90, 101])])).toEqual([]);
  });

  it('calls with other tokens', () => {
    expect(rulesOf([{ ...call('A', 'allowed', [9000, 9001]), token: 'other' }])).toEqual([]);
  });
});

/** Two at once, and then one each second. */
const LIMIT: Limit = { token: 't', limit: 10, windowMs: 10_000, burst: 2, onFault: 'closed' };

function beyond(calls: Call[], { onFault = LIMIT.onFault, forgotten = [] }: Partial<Limit & History> = {}) {
  return rulesOf(calls, [], { limits: [{ ...LIMIT, onFault }], forgotten });
}

/** Allows of several judges, ten milliseconds each. */
function allows(...starts: readonly number[]): Call[] {
  return starts.map((start, index) => call(`node ${index % 3}`, 'allowed', [start, start + 10]));
}

describe('the checker finds of a limit', () => {
  it('one more than may pass at once, whoever let it through', () => {
    expect(beyond(allows(0, 5, 20))).toEqual([['over limit', 1000 - 30 - 10]]);
  });

  it('one that came too soon, and no other where many did', () => {
    expect(beyond(allows(0, 0, 1000, 2000, 2500, 2600))).toEqual([['over limit', 4000 - 2610 - 10]]);
  });

  it('too many in a stretch, where few passed before it and after it', () => {
    expect(beyond(allows(0, 50_000, 50_001, 50_002, 90_000))).toEqual([['over limit', 1000 - 12 - 10]]);
  });

  it('more than one burst anew for each time that what counts forgot', () => {
    const forgotten = [{ from: 30, to: 40 }];
    expect(beyond(allows(0, 0, 50, 50, 60), { forgotten })).toEqual([['over limit', 1000 - 20 - 10]]);
  });

  it('a burst anew where what counts forgot before it, or after it', () => {
    const forgotten = [
      { from: -20, to: -10 },
      { from: 40, to: 50 },
    ];
    expect(beyond(allows(0, 0, 20), { forgotten })).toEqual([['over limit', 1000 - 30 - 10]]);
  });

  it('more than twice as much of one that nodes count by themselves, too', () => {
    expect(beyond(allows(0, 0, 0, 0, 0), { onFault: 'local' })).toEqual([['over limit', 500 - 10 - 10]]);
  });

  it('too many that were counted of one that is open', () => {
    expect(beyond(allows(0, 0, 0), { onFault: 'open' })).toEqual([['over limit', 1000 - 10 - 10]]);
  });

  it.each(['closed', 'local'] as const)('an allow that was not counted of one that is %s', (onFault) => {
    expect(beyond([call('A', 'uncounted', [0, 1])], { onFault })).toEqual([['uncounted', Infinity]]);
  });

  it('an allow that was not counted, which came after its revocation', () => {
    const calls = [call('A', 'uncounted', [111, 112])];
    expect(rulesOf(calls, [REVOKED], { limits: [{ ...LIMIT, onFault: 'open' }] })).toEqual([['here', 1]]);
  });
});

describe('the checker finds nothing of a limit in', () => {
  it('as much as it permits', () => {
    expect(beyond(allows(0, 0, 1000, 2000, 3000))).toEqual([]);
  });

  it('calls that may have been counted earlier, or later, than they look', () => {
    expect(beyond([call('A', 'allowed', [0, 1500]), ...allows(1400, 1400)])).toEqual([]);
  });

  it('a burst anew, where what counts forgot meanwhile', () => {
    expect(beyond(allows(0, 0, 50, 50), { forgotten: [{ from: 30, to: 40 }] })).toEqual([]);
  });

  it('twice as much, of one that nodes count by themselves, too', () => {
    expect(beyond(allows(0, 0, 0, 0), { onFault: 'local' })).toEqual([]);
  });

  it('whatever was not counted, of one that is open', () => {
    const uncounted = Array.from({ length: 9 }, () => call('A', 'uncounted', [0, 1]));
    expect(beyond([...allows(0, 0), ...uncounted], { onFault: 'open' })).toEqual([]);
  });

  it('refusals, and calls with other tokens', () => {
    const refused = Array.from({ length: 9 }, () => call('A', 'limited', [0, 1]));
    const others = allows(0, 0, 0, 0).map((of) => ({ ...of, token: 'other' }));
    expect(beyond([...allows(0, 0), ...refused, ...others])).toEqual([]);
  });
});

it('counts what each rule was applied to, and how long a token was still allowed', () => {
  const calls = [
    call('A', 'ended', [120, 121]),
    call('B', 'allowed', [360, 361]),
    call('B', 'ended', [400, 401]),
    call('B', 'ended', [5200, 5201]),
    call('A', 'unanswered', [5200, 5201]),
  ];
  const { judged, longestMs, violations } = check({ ...newHistory(), calls, revocations: [REVOKED] }, BOUND);
  expect({ judged, longestMs, violations }).toEqual({
    judged: { here: 1, everywhere: 1, counted: 0, limited: 0 },
    longestMs: 250,
    violations: [],
  });
});

it('shows all that happened to the token of a violation, in order', () => {
  const history: History = {
    ...newHistory(),
    calls: [call('A', 'allowed', [110.5, 112]), call('B', 'ended', [105, 108])],
    revocations: [REVOKED, { ...REVOKED, token: 'other' }],
  };
  expect(excerpt(history, check(history, BOUND).violations)).toBe(
    [
      't',
      '  100.0 revoke at A, acknowledged 110.0',
      '  105.0 B, verify: ended 108.0',
      '  110.5 A, verify: allowed 112.0   <-- here',
    ].join('\n'),
  );
});

/** Finds in a history whatever must never happen: after a revocation, and with a limit. */
import { checkLimits } from './check-limits.ts';
import { type Call, type History, isAllow, type Revocation } from './history.ts';

/**
 * - `here`: allowed by the node that had acknowledged the revocation before the call began.
 * - `everywhere`: allowed by anybody, in a call that began later than the bound after an acknowledgement.
 * - `came back`: allowed after the same judge had told that the token has ended, or later than the bound after any had.
 * - `too soon`: told that the token has ended before anybody asked for that.
 * - `over limit`: allowed although the limit of the token permits fewer in some stretch of time that ends with this call.
 * - `uncounted`: allowed without being counted, by a limit that promises to count or to refuse.
 */
export type Rule = 'here' | 'everywhere' | 'came back' | 'too soon' | 'over limit' | 'uncounted';

export interface Violation {
  readonly rule: Rule;
  readonly call: Call;
  /** How far the call is from the time at which it would have been right, in milliseconds. Infinity: it never would. */
  readonly byMs: number;
}

export interface Findings {
  readonly violations: readonly Violation[];
  /** Answered calls that a rule applied to: where there are none, a history without violations proves nothing. */
  readonly judged: {
    readonly here: number;
    readonly everywhere: number;
    /** Allows that were counted, and refusals for a limit that was used up. */
    readonly counted: number;
    readonly limited: number;
  };
  /** From the first acknowledgement to the begin of the last call that was still allowed, over all tokens; 0 where none was. */
  readonly longestMs: number;
}

const SHOWN_TOKENS = 5;
const SHOWN_CALLS = 12;

export function check(history: History, { boundMs }: { readonly boundMs: number }): Findings {
  const { calls, revocations } = history;
  const limits = checkLimits(history);
  const known = tokensOf(calls, revocations);
  const violations: Violation[] = [...limits.violations];
  const judged = { here: 0, everywhere: 0, ...limits.judged };
  let longestMs = 0;
  for (const call of calls) {
    const token = known.get(call.token);
    if (token === undefined || call.outcome === 'unanswered') continue;
    const late = {
      here: call.start - earliest(token.acknowledgedBy, call.judge),
      everywhere: call.start - (earliest(token.acknowledgedBy) + boundMs),
      'came back': call.start - Math.min(earliest(token.endedBy, call.judge), earliest(token.endedBy) + boundMs),
    };
    if (late.here > 0) judged.here += 1;
    if (late.everywhere > 0) judged.everywhere += 1;
    if (call.outcome === 'ended' && call.end < token.asked)
      violations.push({ rule: 'too soon', call, byMs: token.asked - call.end });
    if (!isAllow(call)) continue;
    longestMs = Math.max(longestMs, call.start - earliest(token.acknowledgedBy));
    for (const rule of ['here', 'everywhere', 'came back'] as const)
      if (late[rule] > 0) violations.push({ rule, call, byMs: late[rule] });
  }
  return { violations, judged, longestMs };
}

/** What happened to the tokens of these violations, in order: who was asked to end it, who first said so, and what was wrong. */
export function excerpt({ calls, revocations }: History, violations: readonly Violation[]): string {
  const rules = new Map(violations.map(({ rule, call }) => [call, rule]));
  return [...new Set(violations.map(({ call }) => call.token))]
    .slice(0, SHOWN_TOKENS)
    .map((token) => {
      const demands = revocations
        .filter((revocation) => revocation.token === token)
        .map(({ way, judge, start, acknowledged }) => ({
          start,
          text: `${way} at ${judge}, ${acknowledged === undefined ? 'never acknowledged' : `acknowledged ${ms(acknowledged)}`}`,
        }));
      const told = new Set<string>();
      const asked = calls
        .filter((call) => call.token === token)
        .toSorted((a, b) => a.start - b.start)
        .filter((call) => rules.has(call) || (call.outcome === 'ended' && told.size < told.add(call.judge).size))
        .slice(0, SHOWN_CALLS)
        .map((call) => {
          const { judge, door, start, end, outcome } = call;
          const rule = rules.has(call) ? `   <-- ${rules.get(call)}` : '';
          return { start, text: `${judge}, ${door}: ${outcome} ${ms(end)}${rule}` };
        });
      const lines = [...demands, ...asked].toSorted((a, b) => a.start - b.start);
      return [token, ...lines.map(({ start, text }) => `  ${ms(start)} ${text}`)].join('\n');
    })
    .join('\n');
}

interface Known {
  /** When its end was first asked for. */
  asked: number;
  /** By judge: the first acknowledgement, and the first answer that it has ended. */
  readonly acknowledgedBy: Map<string, number>;
  readonly endedBy: Map<string, number>;
}

function tokensOf(calls: readonly Call[], revocations: readonly Revocation[]): ReadonlyMap<string, Known> {
  const tokens = new Map<string, Known>();
  const of = (token: string): Known => {
    const found = tokens.get(token) ?? { asked: Infinity, acknowledgedBy: new Map(), endedBy: new Map() };
    tokens.set(token, found);
    return found;
  };
  for (const { token, judge, start, acknowledged } of revocations) {
    const known = of(token);
    known.asked = Math.min(known.asked, start);
    if (acknowledged !== undefined) keepEarliest(known.acknowledgedBy, judge, acknowledged);
  }
  for (const { token, judge, end, outcome } of calls)
    if (outcome === 'ended') keepEarliest(of(token).endedBy, judge, end);
  return tokens;
}

function keepEarliest(times: Map<string, number>, judge: string, at: number): void {
  times.set(judge, Math.min(times.get(judge) ?? Infinity, at));
}

/** Infinity, which nothing is later than, where it never happened. */
function earliest(times: ReadonlyMap<string, number>, judge?: string): number {
  return judge === undefined ? Math.min(...times.values()) : (times.get(judge) ?? Infinity);
}

function ms(at: number): string {
  return at.toFixed(1);
}

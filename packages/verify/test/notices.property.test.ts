/** Notices against a model that remembers each of them: none is ever passed over, and nobody is asked for who need not be. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNotices, type Notice, type SignedText } from '../src/lookups/signed/notices.ts';

const START = Date.UTC(2026, 0, 1);
const names = fc.constantFrom('a', 'b', 'c');
const workspaces = fc.constantFrom('ws_1', 'ws_2');
const kinds = fc.constantFrom(
  ...['token.revoked', 'owner.disabled', 'api.updated', 'client.revoked', 'session.revoked', 'key.deleted'],
  ...['workspace.updated', 'group.merged'],
);
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ step: fc.constant('change'), workspace: workspaces, kind: kinds, id: names }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('pass'), seconds: fc.integer({ min: 1, max: 90 }) }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('back'), seconds: fc.integer({ min: 1, max: 90 }) }) },
  ),
  { maxLength: 60 },
);
const texts = fc.record({
  workspace: workspaces,
  tokens: fc.array(names, { minLength: 1, maxLength: 3 }),
  owner: fc.option(names, { nil: undefined }),
  api: names,
  client: fc.option(names, { nil: undefined }),
  session: fc.option(names, { nil: undefined }),
  key: names,
});

/** One text for each moment of the history: signed after so many changes, then. */
interface Moment {
  readonly seq: number;
  readonly now: number;
}

const SUBJECTS = ['token', 'owner', 'api', 'client', 'session', 'key'];

function isConcerned(notice: Notice, text: SignedText): boolean {
  if (notice.workspace !== text.workspace) return false;
  const isAfter = text.seq >= notice.seq && text.issuedAt > Math.floor(notice.at / 1000);
  if (isAfter) return false;
  const [subject = ''] = notice.kind.split('.');
  if (!SUBJECTS.includes(subject)) return true;
  if (subject === 'token') return text.tokens.includes(notice.id);
  return text[subject as 'owner' | 'api' | 'client' | 'session' | 'key'] === notice.id;
}

describe('a set of notices', () => {
  it('says what a list of all of them says of every text that has not ended', () => {
    fc.assert(
      fc.property(steps, texts, fc.integer({ min: 2, max: 12 }), (history, of, most) => {
        const notices = createNotices();
        const few = createNotices(most);
        const told: Notice[] = [];
        const moments: Moment[] = [];
        let now = START;
        let latest = START;
        for (const { step, ...rest } of history) {
          moments.push({ seq: told.length, now });
          if ('kind' in rest) {
            const notice = { ...rest, seq: told.length + 1, at: now, signedUntil: now + 600_000 };
            told.push(notice);
            notices.add(notice, now);
            few.add(notice, now);
          } else now += (step === 'back' ? -1000 : 1000) * rest.seconds;
          latest = Math.max(latest, now);
        }
        for (const moment of moments) {
          const issuedAt = Math.floor(moment.now / 1000);
          const text: SignedText = { ...of, seq: moment.seq, issuedAt, expiresAt: issuedAt + 600 };
          const concerned = told.some((notice) => isConcerned(notice, text));
          // Whatever ended by any clock there ever was may be forgotten: it is asked for.
          if (concerned) expect(notices.concern(text)).toBe(true);
          else if (text.expiresAt * 1000 > latest) expect(notices.concern(text)).toBe(mergedAll(told, text));
          if (concerned) expect(few.concern(text)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('forgets what is over, and asks for what ended by then though the clock was set back', () => {
    const notices = createNotices();
    for (let seq = 1; seq <= 5000; seq += 1) notices.add(revoked(seq, START), START);
    const text = textOf(1, { seq: 0, issuedAt: START / 1000 - 1, expiresAt: START / 1000 + 60 });
    expect([notices.size(), notices.concern(text)]).toEqual([5000, true]);
    const grown = notices.bytes();
    const later = START + 61_000;
    notices.add(revoked(6000, later), later);
    expect(notices.size()).toBe(1);
    expect(notices.bytes()).toBeLessThan(grown);
    expect(notices.concern(text)).toBe(true);
    expect(notices.concern({ ...text, expiresAt: START / 1000 + 61 })).toBe(false);
  });

  it('that is full has everything asked for that was signed before, until what found no room is over', () => {
    const notices = createNotices(100);
    for (let seq = 1; seq <= 102; seq += 1) notices.add(revoked(seq, START), START);
    const now = START / 1000;
    const other = textOf(999, { seq: 102, issuedAt: now, expiresAt: now + 600 });
    expect(notices.size()).toBe(101);
    expect(notices.concern(other)).toBe(true);
    expect(notices.concern({ ...other, issuedAt: now + 1 })).toBe(false);
    expect(notices.concern({ ...other, issuedAt: now + 1, seq: 101 })).toBe(true);
    notices.add(revoked(103, START + 70_000), START + 70_000);
    expect([notices.size(), notices.concern(other)]).toEqual([1, false]);
  });

  it('that is read anew knows nothing of what had ended', () => {
    const notices = createNotices();
    notices.add(revoked(1, START), START);
    notices.restart(START + 30_000);
    const text = textOf(1, { seq: 0, issuedAt: START / 1000, expiresAt: START / 1000 + 31 });
    expect(notices.concern(text)).toBe(false);
    expect(notices.concern({ ...text, expiresAt: START / 1000 + 30 })).toBe(true);
  });
});

/** On one subject, the latest of several speaks for all: of its number, and of its time. */
function mergedAll(told: readonly Notice[], text: SignedText): boolean {
  const subjects = Map.groupBy(told, ({ workspace, kind, id }) => {
    const [subject = ''] = kind.split('.');
    return SUBJECTS.includes(subject) ? `${workspace} ${subject} ${id}` : workspace;
  });
  return [...subjects.values()].some((same) => {
    const seq = Math.max(...same.map((notice) => notice.seq));
    const at = Math.max(...same.map((notice) => notice.at));
    return same.some((notice) => isConcerned({ ...notice, seq, at }, text));
  });
}

function revoked(number: number, at: number): Notice {
  return { workspace: 'ws_1', kind: 'token.revoked', id: `tok_${number}`, seq: number, at, signedUntil: at + 60_000 };
}

function textOf(number: number, at: Pick<SignedText, 'seq' | 'issuedAt' | 'expiresAt'>): SignedText {
  return {
    workspace: 'ws_1',
    tokens: [`tok_${number}`],
    owner: undefined,
    api: 'api_1',
    client: undefined,
    session: undefined,
    key: 'key_1',
    ...at,
  };
}

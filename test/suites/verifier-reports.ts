/** What verifiers report counts once, wherever they report it, and who has heard of a change is told right from everywhere. Run on every store. */
import { createHash, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Caller, caller, newWorkspace, problemOf, together, type Workspace } from '../support/call.ts';
import type { Server } from '../support/server.ts';
import { until } from '../support/until.ts';

const HOUR_MS = 3_600_000;
const SOON_MS = 10_000;

const aVerifier = (): string => `vrf_${randomUUID().replaceAll('-', '')}`;
const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64url');

export function verifierReports(servers: () => readonly [Server, Server]): void {
  let workspace: Workspace;
  let here: Caller;
  let there: Caller;
  beforeAll(async () => {
    const [first, second] = servers();
    workspace = await newWorkspace(first);
    here = workspace.admin;
    there = caller(second, here.token);
  });

  const thisHour = (): number => Date.now() - (Date.now() % HOUR_MS);
  const countOf = (token: string, allowed: number, hour = thisHour()) => ({ token, hour, allowed, denied: 1 });
  const used = async (id: string) => {
    const { allowed, denied } = await here.do('tokens.usage', { id });
    return { allowed, denied };
  };

  describe('usage', () => {
    it('is counted once for each number of a verifier, though fifty send it at once to both', async () => {
      const { id } = await here.mint();
      const verifier = aVerifier();
      const body = { verifier, number: 1, counts: [countOf(id, 7)], uses: [] };
      const answers = await together(50, (index) => (index % 2 ? here : there).do('usage.report', { body }));
      expect(answers.filter(({ counted }) => counted)).toHaveLength(1);
      expect(await used(id)).toEqual({ allowed: 7, denied: 1 });
      // The answer was lost, and the verifier went on: what comes late is not counted again.
      await there.do('usage.report', { body: { ...body, number: 2 } });
      expect(await here.do('usage.report', { body })).toEqual({ counted: false });
      expect(await used(id)).toEqual({ allowed: 14, denied: 2 });
    });

    it('of fifty verifiers, and of one name under two tokens, is all counted', async () => {
      const { id } = await here.mint();
      const body = { verifier: aVerifier(), number: 1, counts: [countOf(id, 1), countOf(id, 1)], uses: [] };
      await together(50, (index) =>
        (index % 2 ? here : there).do('usage.report', { body: { ...body, verifier: aVerifier() } }),
      );
      await (await workspace.scoped('verify')).do('usage.report', { body });
      await (await workspace.scoped('verify')).do('usage.report', { body });
      expect(await used(id)).toEqual({ allowed: 104, denied: 104 });
    });

    it('of tokens of another workspace is passed over as of unknown ones, and theirs are not touched', async () => {
      const other = await newWorkspace(servers()[0], 'other');
      const theirs = await other.admin.mint();
      const mine = await here.mint();
      const report = (token: { readonly id: string; readonly token: string }) =>
        here.ask('usage.report', {
          body: {
            verifier: aVerifier(),
            number: 1,
            counts: [countOf(token.id, 3), countOf(mine.id, 3)],
            uses: [{ digest: digestOf(token.token), at: Date.now() }],
          },
        });
      const known = await report(theirs);
      const unknown = await report({ id: `tok_${'0'.repeat(26)}`, token: 'nobody has it' });
      expect(known.text).toBe('{"counted":true}');
      expect(unknown.text).toBe(known.text);
      expect(await other.admin.do('tokens.usage', { id: theirs.id })).toMatchObject({ allowed: 0, denied: 0 });
      expect((await other.admin.do('tokens.get', { id: theirs.id })).lastUsedAt).toBeNull();
      expect(await used(mine.id)).toEqual({ allowed: 6, denied: 2 });
    });

    it('at times that cannot be counts at the nearest time that can', async () => {
      const { id, token } = await here.mint();
      const counts = [
        countOf(id, 1, 0),
        countOf(id, 1, Date.now() + 1000 * HOUR_MS),
        countOf(id, 1, thisHour() - HOUR_MS),
      ];
      const uses = [{ digest: digestOf(token), at: 8.64e15 }];
      await here.do('usage.report', { body: { verifier: aVerifier(), number: 1, counts, uses } });
      const week = new Date(Date.now() - 8 * 24 * HOUR_MS).toISOString();
      const { items } = await here.do('tokens.usage', { id, query: { from: week } });
      const ages = items.map(({ hour }) => Math.round((thisHour() - Date.parse(hour)) / HOUR_MS));
      // The hour may have turned since.
      expect(ages.map((age) => age - (ages.at(-1) ?? 0))).toEqual([168, 1, 0]);
      const { lastUsedAt } = await here.do('tokens.get', { id });
      expect(Date.parse(lastUsedAt ?? '')).toBeLessThanOrEqual(Date.now());
    });

    it('tells when a secret was last used, never back, and a first use ends the one that it replaces', async () => {
      const { id, token } = await here.mint();
      const verifier = aVerifier();
      const report = (number: number, text: string, at: number) =>
        there.do('usage.report', { body: { verifier, number, counts: [], uses: [{ digest: digestOf(text), at }] } });
      const at = Date.now() - 60_000;
      await report(1, token, at);
      await report(2, token, at - 60_000);
      expect(Date.parse((await here.do('tokens.get', { id })).lastUsedAt ?? '')).toBe(at);
      const fresh = await here.do('tokens.rotate', { id, body: { activate: 'first-use', graceSeconds: 0 } });
      expect((await here.verify(token)).code).toBe('ok');
      await report(3, fresh.token, Date.now());
      await until(
        () => here.verify(token),
        ({ code }) => code === 'rotated',
        SOON_MS,
      );
    });

    it('of a verifier whose clock is behind takes nothing from the grace of the secret that is replaced', async () => {
      const { id, token } = await here.mint();
      const fresh = await here.do('tokens.rotate', { id, body: { activate: 'first-use', graceSeconds: 3600 } });
      const uses = [{ digest: digestOf(fresh.token), at: Date.now() - 2 * HOUR_MS }];
      const before = Date.now();
      await there.do('usage.report', { body: { verifier: aVerifier(), number: 1, counts: [], uses } });
      const { secrets } = await until(
        () => here.do('tokens.get', { id }),
        (found) => found.secrets.some(({ state }) => state === 'retiring'),
        SOON_MS,
      );
      const { validUntil } = secrets.find(({ state }) => state === 'retiring') ?? {};
      expect(Date.parse(validUntil ?? '')).toBeGreaterThanOrEqual(before + HOUR_MS);
      expect((await here.verify(token)).code).toBe('ok');
    });

    it('is refused beyond a thousand rows, and from a verifier without a name', async () => {
      const uses = Array.from({ length: 1001 }, () => ({ digest: digestOf('x'), at: 0 }));
      const body = { verifier: aVerifier(), number: 1, counts: [], uses };
      expect(problemOf(await here.ask('usage.report', { body }))).toMatchObject({
        status: 422,
        errors: [{ pointer: '/uses' }],
      });
      const nameless = { ...body, uses: [], verifier: 'vrf_' };
      expect(problemOf(await here.ask('usage.report', { body: nameless }))).toMatchObject({
        status: 422,
        errors: [{ pointer: '/verifier' }],
      });
    });
  });

  describe('confirmations', () => {
    const told = (by: Caller, seq: number) => by.do('changes.confirmations', { id: String(seq) });

    it('count both nodes, and the verifiers of the workspace that have come so far, whichever node they told', async () => {
      const { id } = await here.mint();
      const [one, two] = [aVerifier(), aVerifier()];
      const position = (by: Caller, verifier: string, seq: number) =>
        by.do('positions.report', { body: { verifier, seq } });
      const before = (await here.do('changes.list')).latest;
      await position(here, one, before);
      await position(there, two, before);
      await here.do('tokens.revoke', { id });
      const seq = (await here.do('changes.list')).items.at(-1)?.seq ?? 0;
      for (const by of [here, there]) {
        const found = await until(
          () => told(by, seq),
          ({ nodes, verifiers }) => nodes.confirmed === 2 && verifiers.total === 2,
          SOON_MS,
        );
        expect(found).toEqual({ nodes: { confirmed: 2, total: 2 }, verifiers: { confirmed: 0, total: 2 } });
      }
      await position(there, one, seq);
      for (const by of [here, there])
        await until(
          () => told(by, seq),
          ({ verifiers }) => verifiers.confirmed === 1,
          SOON_MS,
        );
      // A change of another workspace is no news to them: who has all of its own has heard of everything.
      const other = await newWorkspace(servers()[0], 'other');
      await other.admin.mint();
      const { latest } = await there.do('changes.list');
      expect(latest).toBeGreaterThan(seq);
      expect((await told(there, latest)).verifiers).toEqual({ confirmed: 1, total: 2 });
      expect((await told(other.admin, latest)).verifiers).toEqual({ confirmed: 0, total: 0 });
    });

    it('leave out who said goodbye, at once and from everywhere; under another token nobody can say it for him', async () => {
      const own = await newWorkspace(servers()[0], 'goodbyes');
      const [by, elsewhere] = [own.admin, caller(servers()[1], own.admin.token)];
      const [one, two] = [aVerifier(), aVerifier()];
      for (const verifier of [one, two]) await by.do('positions.report', { body: { verifier, seq: 0 } });
      const { latest } = await by.do('changes.list');
      const totals = async () => {
        const all = await Promise.all([by, elsewhere].map((asking) => told(asking, latest)));
        return all.map(({ verifiers }) => verifiers.total);
      };
      await until(totals, ([mine]) => mine === 2, SOON_MS);
      // Others of the workspace, and of another one.
      const stranger = await newWorkspace(servers()[0], 'stranger');
      for (const other of [await own.scoped('verify'), stranger.admin])
        await other.do('positions.withdraw', { body: { verifier: one } });
      expect(await totals()).toEqual([2, 2]);
      await elsewhere.do('positions.withdraw', { body: { verifier: one } });
      expect(await totals()).toEqual([1, 1]);
      // What it said before, and is heard of late.
      await by.do('positions.report', { body: { verifier: one, seq: 0 } });
      await by.do('positions.report', { body: { verifier: two, seq: latest } });
      await until(
        () => told(by, latest),
        ({ verifiers }) => verifiers.confirmed === 1,
        SOON_MS,
      );
      expect(await totals()).toEqual([1, 1]);
    });

    it.each(['0x1', '-1', '1.5', '999999999999999', 'latest', '1e3'])('of %s there are none', async (id) => {
      expect(problemOf(await here.ask('changes.confirmations', { id }))).toMatchObject({
        status: 404,
        code: 'not_found',
      });
    });
  });
}

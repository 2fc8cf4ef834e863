/** Strangers choose what is looked up: it costs few calls, and memory that does not grow with their number. */

import { BlockList } from 'node:net';
import { generate } from '@tessera/token';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { addressRule, digestKeyOf } from '../../src/index.ts';
import { absentDigests } from '../../src/lookups/remote/absent-digests.ts';
import { keptFacts } from '../../src/lookups/remote/kept-facts.ts';
import { recentChanges } from '../../src/lookups/remote/recent-changes.ts';
import { usageReports } from '../../src/lookups/remote/usage-reports.ts';
import { factsOf, TOKEN } from '../support/tokens.ts';
import { following } from '../support/told-server.ts';

const newToken = () => generate({ prefix: 'tsr', environment: 'live' });

describe('calls', () => {
  test('fifty unknown tokens at once are one call', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    const before = held.server.callsTo('/v1/lookups').length;
    const texts = Array.from({ length: 50 }, newToken);
    for (const text of texts.slice(0, 25)) held.server.tokens.set(text, factsOf({ id: text, expiresAt: undefined }));
    const codes = await Promise.all(texts.map((text) => held.code(text)));
    expect(codes).toEqual(texts.map((_, index) => (index < 25 ? 'ok' : 'unknown')));
    expect(held.server.callsTo('/v1/lookups')).toHaveLength(before + 1);
  });

  test('one unknown token fifty times at once is one digest', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    await Promise.all(Array.from({ length: 50 }, () => held.code(TOKEN)));
    expect(held.server.callsTo('/v1/lookups').at(-1)?.body.digests).toHaveLength(1);
  });

  test('a thousand are ten calls, of which four are under way at once', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    const before = held.server.callsTo('/v1/lookups').length;
    held.server.mode = 'hang';
    const codes = Promise.all(Array.from({ length: 1000 }, () => held.code(newToken())));
    await held.settled();
    expect(held.server.callsTo('/v1/lookups')).toHaveLength(before + 4);
    held.server.mode = 'answer';
    expect(new Set(await codes)).toEqual(new Set(['unknown']));
    expect(held.server.callsTo('/v1/lookups')).toHaveLength(before + 10);
  });

  test('a wrong checksum is none', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    const before = held.server.callsTo('/v1/lookups').length;
    const wrong = `${TOKEN.slice(0, -1)}${TOKEN.endsWith('0') ? '1' : '0'}`;
    expect(await held.code(wrong)).toBe('malformed');
    expect(held.server.callsTo('/v1/lookups')).toHaveLength(before);
  });

  test('more than may wait are refused at once, and those that wait are answered', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    held.server.mode = 'hang';
    const waiting = Promise.all(Array.from({ length: 2000 }, () => held.code(newToken())));
    await held.settled();
    expect(await held.code(newToken())).toBe('fault');
    held.server.mode = 'answer';
    expect(new Set(await waiting)).toEqual(new Set(['unknown']));
  });

  test('facts that are too long to be told of a hundred tokens at once are asked for in smaller calls', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    const scopes = Array.from({ length: 1000 }, (_, at) => `${at}`.padEnd(200, 's'));
    const texts = Array.from({ length: 100 }, newToken);
    for (const text of texts) held.server.tokens.set(text, factsOf({ id: text, expiresAt: undefined, scopes }));
    const codes = new Set(await Promise.all(texts.map((text) => held.code(text))));
    expect(codes).toEqual(new Set(['ok']));
    const sizes = held.server.callsTo('/v1/lookups').map(({ body }) => (body.digests as string[]).length);
    expect(sizes.slice(0, 4)).toEqual([1, 100, 50, 50]);
  });

  test('what the server leaves unanswered, since it would be too much at once, is asked for again, and in smaller calls', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    held.server.mostAnswered = 30;
    const texts = Array.from({ length: 100 }, newToken);
    for (const text of texts.slice(0, 90)) held.server.tokens.set(text, factsOf({ id: text, expiresAt: undefined }));
    const codes = await Promise.all(texts.map((text) => held.code(text)));
    expect(codes).toEqual(texts.map((_, index) => (index < 90 ? 'ok' : 'unknown')));
    const sizes = held.server.callsTo('/v1/lookups').map(({ body }) => (body.digests as string[]).length);
    expect(sizes.slice(1)).toEqual([100, 30, 30, 10]);
  });

  test('an answer for nobody that was asked about is a fault, and not asked for again and again', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    held.server.mostAnswered = 0;
    const before = held.server.callsTo('/v1/lookups').length;
    expect(await held.code(newToken())).toBe('fault');
    expect(held.server.callsTo('/v1/lookups')).toHaveLength(before + 1);
  });

  test('ranges that a hundred tokens have in common are compiled once', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    const addresses = [addressRule('role ops', { allow: Array.from({ length: 100 }, (_, at) => `10.${at}.0.0/16`) })];
    const texts = Array.from({ length: 100 }, newToken);
    for (const text of texts) held.server.tokens.set(text, factsOf({ id: text, expiresAt: undefined, addresses }));
    const compiled = vi.spyOn(BlockList.prototype, 'addSubnet');
    const codes = new Set(await Promise.all(texts.map((text) => held.code(text))));
    // Nobody told the address.
    expect(codes).toEqual(new Set(['ip_denied']));
    expect(compiled).toHaveBeenCalledTimes(100);
    compiled.mockRestore();
  });

  test('those that wait behind a call that is not answered are refused with it', async () => {
    await using held = await following();
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    held.server.mode = 'hang';
    const codes = Promise.all(Array.from({ length: 1000 }, () => held.code(newToken())));
    await held.settled();
    const before = held.server.callsTo('/v1/lookups').length;
    held.server.mode = 'refuse';
    expect(new Set(await codes)).toEqual(new Set(['fault']));
    // Each of the four calls under way is made once more, since its connection broke; nothing that waited is asked.
    expect(held.server.callsTo('/v1/lookups').length).toBe(before + 4);
  });
});

describe('memory', () => {
  test('a million wrong tokens leave no more than the bound', async () => {
    await using held = await following({ maxTokens: 100 });
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    const start = TOKEN.slice(0, -12);
    for (let count = 0; count < 1_000_000; count += 1) {
      const verdict = held.verifier.verify(
        { authorization: [`Bearer ${start}${String(count).padStart(12, '0')}`], apiKey: [], query: '' },
        { circumstances: { address: undefined, method: undefined, url: undefined, proof: undefined, cost: 1 } },
      );
      if (verdict instanceof Promise || verdict.code !== 'malformed') throw new Error('a wrong checksum was looked up');
    }
    for (let round = 0; round < 12; round += 1)
      await Promise.all(Array.from({ length: 1000 }, () => held.code(newToken())));
    expect(held.verifier.metrics()).toMatchObject({ cached: 0, cachedAbsent: 10_000 });
  });

  test('of good tokens those stay that are asked for', async () => {
    await using held = await following({ maxTokens: 100 });
    held.stream.beat({ seq: 0, clock: 0 });
    await held.settled();
    const often = newToken();
    held.server.tokens.set(often, factsOf({ id: 'often', expiresAt: undefined }));
    await held.code(often);
    for (let count = 0; count < 500; count += 1) {
      const text = newToken();
      held.server.tokens.set(text, factsOf({ id: text, expiresAt: undefined }));
      await held.code(text);
      await held.code(often);
      held.server.tokens.delete(text);
    }
    expect(held.verifier.metrics()).toMatchObject({ cached: 100, misses: 501, hits: 500 });
  });

  const digests = Array.from({ length: 12 }, (_, at) => digestKeyOf(new Uint8Array(32).fill(at)));
  const action = fc.record({
    what: fc.constantFrom('keep', 'keep', 'keep', 'get', 'drop', 'revoke', 'delete', 'clear'),
    digest: fc.integer({ min: 0, max: 11 }),
    token: fc.integer({ min: 0, max: 3 }),
  });

  test('facts in memory are those that were kept last, never those of a dropped token, revoked where that was told, and never too many', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 120 }), fc.integer({ min: 1, max: 8 }), (actions, max) => {
        const kept = keptFacts(max);
        const model = new Map<number, { readonly id: string; readonly isRevoked: boolean }>();
        for (const { what, digest, token } of actions) {
          const key = digests[digest];
          if (key === undefined) throw new Error('no such digest');
          const id = `tok_${token}`;
          if (what === 'keep') {
            kept.keep(key, factsOf({ id }));
            model.set(digest, { id, isRevoked: false });
          } else if (what === 'drop') {
            kept.drop({ seq: 1, kind: 'token.updated', id });
            for (const [known, of] of model) if (of.id === id) model.delete(known);
          } else if (what === 'revoke') {
            kept.drop({ seq: 1, kind: 'token.revoked', id });
            for (const [known, of] of model) if (of.id === id) model.set(known, { id, isRevoked: true });
          } else if (what === 'delete') {
            kept.delete(key);
            model.delete(digest);
          } else if (what === 'clear') {
            kept.clear();
            model.clear();
          }
          // What was kept this moment is there.
          if (what === 'keep') expect(kept.get(key)?.id).toBe(id);
          let found = 0;
          for (const [at, each] of digests.entries()) {
            const facts = kept.get(each);
            if (facts === undefined) continue;
            expect({ id: facts.id, isRevoked: facts.revokedAt !== undefined }).toEqual(model.get(at));
            found += 1;
          }
          expect(kept.size()).toBe(found);
          expect(found).toBeLessThanOrEqual(max);
          if (model.size <= max && what === 'keep' && found < model.size)
            // What made room is forgotten in the model, too.
            for (const [at] of model) if (kept.get(digests[at] ?? key) === undefined) model.delete(at);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('changes are remembered up to a number, and what was read before them is not judged by them', () => {
    const recent = recentChanges(4);
    const facts = factsOf();
    expect(recent.judge(100, facts)).toBe('unknown');
    recent.restart(10);
    expect(recent.judge(10, facts)).toBe('holds');
    expect(recent.judge(9, facts)).toBe('unknown');
    for (let seq = 11; seq <= 14; seq += 1) recent.add({ seq, kind: 'token.revoked', id: 'tok_2' });
    expect(recent.judge(10, facts)).toBe('holds');
    recent.add({ seq: 15, kind: 'token.revoked', id: 'tok_2' });
    expect(recent.judge(10, facts)).toBe('unknown');
    expect(recent.judge(11, facts)).toBe('holds');
    recent.add({ seq: 16, kind: 'token.revoked', id: 'tok_1' });
    expect(recent.judge(15, facts)).toBe('changed');
    expect(recent.judge(2, facts)).toBe('changed');
    expect(recent.judge(16, facts)).toBe('holds');
    recent.restart(20);
    expect(recent.judge(19, facts)).toBe('unknown');
  });

  test('what the server takes none of heaps up to a number, however many tokens are used meanwhile', async () => {
    let now = 0;
    const calls = { postAgain: () => Promise.reject(new Error('too many verifiers today')) };
    const usage = usageReports({ calls, verifier: 'vrf_1', now: () => now, most: 10, onError: () => {} });
    for (let minute = 0; minute < 50; minute += 1) {
      for (let token = 0; token < 10; token += 1) {
        const key = digestKeyOf(new Uint8Array(32).fill(minute).fill(token, 16));
        usage.count(
          true,
          factsOf({ id: `tok_${minute}_${token}`, secret: { key, state: 'active', until: undefined } }),
        );
      }
      now += 61_000;
      await usage.send();
    }
    // Of the batch that is sent again both, of rows and of uses.
    expect(usage.waiting()).toBeLessThanOrEqual(40);
    expect(usage.lost()).toBe(480);
  });

  test('of a batch that was sent, last uses alone count as waiting until they are taken', async () => {
    let now = 0;
    let answer = (): Promise<unknown> => Promise.resolve({});
    const sent: unknown[] = [];
    const calls = {
      postAgain: (_: string, body: unknown) => {
        sent.push(body);
        return answer();
      },
    };
    const usage = usageReports({ calls, verifier: 'vrf_1', now: () => now, onError: () => {} });
    for (now of [0, 30_000]) {
      usage.count(true, factsOf());
      await usage.send();
    }
    now = 61_000;
    answer = () => Promise.reject(new Error('nobody is there'));
    await usage.send();
    expect(sent.at(-1)).toMatchObject({ number: 3, counts: [], uses: [{ at: 30_000 }] });
    expect(usage.waiting()).toBe(1);
    answer = () => Promise.resolve({});
    await usage.send();
    expect([sent.at(-1), usage.waiting()]).toEqual([sent.at(-2), 0]);
  });

  test('digests that nobody has are as many as may be, the newest', () => {
    let now = 0;
    const absent = absentDigests({ monotonic: () => now, max: 3, forMs: 10 });
    for (const digest of digests) absent.add(digest);
    expect(absent.size()).toBe(3);
    expect(digests.map((digest) => absent.has(digest)).indexOf(true)).toBe(9);
    now = 10;
    expect(digests.some((digest) => absent.has(digest))).toBe(false);
  });
});

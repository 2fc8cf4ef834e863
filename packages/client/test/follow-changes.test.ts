/** The feed is followed without a gap and without a repeat, whatever happens to its connections. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventReader } from '../src/event-stream.ts';
import { type Change, type ClientOptions, createClient } from '../src/index.ts';
import type { Answer } from './scripted-server.ts';
import { hangUp, json, problem, type ScriptedServer, scriptedServer } from './scripted-server.ts';

const token = 'tsr_test_0123456789012345678901234567890123456789012000000';
let server: ScriptedServer;
beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const client = (options: Partial<ClientOptions> = {}) =>
  createClient({ baseUrl: server.url, token, pause: async () => {}, ...options });

const event = (seq: number, kind = 'token.revoked'): string =>
  `id: ${seq}\nevent: ${kind}\ndata: ${JSON.stringify({ seq, mark: `mark_${seq}`, at: '2026-01-01T00:00:00.000Z', kind, id: `tok_${seq}` })}\n\n`;

/** A stream that tells this, and then ends, breaks or stays open. */
const stream =
  (text: string, then: 'end' | 'break' | 'stay'): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`: following\n\n${text}`, () => {
      if (then === 'end') response.end();
      if (then === 'break') response.destroy();
    });
  };

async function take(changes: AsyncIterable<Change>, count: number): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of changes) {
    seqs.push(seq);
    if (seqs.length === count) break;
  }
  return seqs;
}

describe('a feed', () => {
  it('begins at the newest change, which is known before the first connection breaks', async () => {
    server.script(json(200, { items: [], latest: 41 }), hangUp, stream(event(42), 'stay'));
    expect(await take(client().followChanges(), 1)).toEqual([42]);
    expect(server.received.map(({ url, headers }) => [url, headers.accept])).toEqual([
      ['/v1/changes?limit=1', 'application/json'],
      ['/v1/changes?since=41', 'text/event-stream'],
      ['/v1/changes?since=41', 'text/event-stream'],
    ]);
  });

  it.each(['end', 'break'] as const)(
    'goes on after the last change told where a connection comes to its %s',
    async (how) => {
      server.script(
        stream(event(8) + event(9), how),
        stream('', how),
        // What it was told already is not told again.
        stream(event(9) + event(11), how),
        stream(event(12), 'stay'),
      );
      expect(await take(client().followChanges({ since: 7 }), 4)).toEqual([8, 9, 11, 12]);
      // With the mark, so that a store that was restored meanwhile, and has another change there, is found out.
      expect(server.received.map(({ url }) => url)).toEqual(
        ['7', '9&mark=mark_9', '9&mark=mark_9', '11&mark=mark_11'].map((since) => `/v1/changes?since=${since}`),
      );
    },
  );

  it('survives servers that are away, overloaded or behind a proxy that lost them', async () => {
    server.script(
      problem(503, { code: 'overloaded', title: 't' }, { 'retry-after': '1' }),
      (response) => response.writeHead(502).end('<html>'),
      hangUp,
      stream(event(1), 'stay'),
    );
    expect(await take(client({ retries: 0 }).followChanges({ since: 0 }), 1)).toEqual([1]);
  });

  it('passes over heartbeats, and says so where the server cannot tell what was missed', async () => {
    const beat = (name: string) => `event: ${name}\ndata: {"seq":9,"clock":5,"asOf":4}\n\n`;
    server.script(stream(beat('alive') + event(3) + beat('alive'), 'end'), stream(beat('missed'), 'stay'));
    const walk = client().followChanges({ since: 2 });
    expect((await walk.next()).value).toMatchObject({ seq: 3 });
    const message = 'The feed cannot tell what changed: after 3';
    await expect(walk.next()).rejects.toMatchObject({ kind: 'missed', code: 'missed', message });
  });

  it('takes a connection without a heartbeat for broken', async () => {
    server.script(stream(event(1), 'stay'), stream(event(2), 'stay'));
    expect(await take(client().followChanges({ since: 0, silenceMs: 500 }), 2)).toEqual([1, 2]);
  });

  it('does not count the time that the caller takes', async () => {
    server.script(stream(event(1) + event(2), 'stay'));
    const seqs: number[] = [];
    for await (const { seq } of client().followChanges({ since: 0, silenceMs: 500 })) {
      seqs.push(seq);
      if (seq === 2) break;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    expect(server.received).toHaveLength(1);
  });

  it('waits longer each time a server takes the call and ends it at once, and less once it was heard', async () => {
    const pauses: number[] = [];
    const pause = async (milliseconds: number): Promise<void> => void pauses.push(milliseconds);
    const drops = Array.from({ length: 40 }, () => stream('', 'end'));
    server.script(...drops, stream(event(1), 'end'), stream(event(2), 'stay'));
    await take(client({ pause }).followChanges({ since: 0 }), 2);
    expect(Math.max(...pauses)).toBeGreaterThan(1000);
    expect(pauses.at(-1)).toBeLessThanOrEqual(400);
  });

  it('ends with the reason of the signal, also while nothing happens, and lets go of its connection', async () => {
    const closed = Promise.withResolvers<void>();
    const following = Promise.withResolvers<void>();
    server.script((response, request) => {
      stream('', 'stay')(response, request);
      response.once('close', closed.resolve);
      following.resolve();
    });
    const controller = new AbortController();
    const walk = take(client().followChanges({ since: 0, signal: controller.signal }), 1);
    await following.promise;
    controller.abort(new Error('enough'));
    await expect(walk).rejects.toThrow('enough');
    await closed.promise;
  });

  it('lets go of its connection when the caller stops', async () => {
    const closed = Promise.withResolvers<void>();
    server.script((response, request) => {
      stream(event(1), 'stay')(response, request);
      response.once('close', closed.resolve);
    });
    await take(client().followChanges({ since: 0 }), 1);
    await closed.promise;
  });

  it.each([
    [401, 'revoked'],
    [403, 'insufficient_scope'],
    [404, 'not_found'],
  ])('ends where trying again cannot help: %i %s', async (status, code) => {
    server.script(stream(event(1), 'end'), problem(status, { code, title: 't' }));
    await expect(take(client().followChanges({ since: 0 }), 2)).rejects.toMatchObject({ status, code });
  });

  it.each<[string, Answer, string]>([
    ['a page', json(200, { items: [] }), 'Something answered that is not the management API (no stream of events)'],
    ['no JSON', stream('event: x\ndata: {\n\n', 'stay'), 'The feed told of no change'],
    [
      'another kind',
      stream(event(1).replace('event: token.revoked', 'event: other'), 'stay'),
      'The feed told of no change',
    ],
    ['an event without end', stream(`data: ${'x'.repeat(70_000)}`, 'stay'), 'An event is longer than 65536 characters'],
  ])('ends where something else answers: %s', async (_name, answer, message) => {
    server.script(answer);
    const walk = take(client().followChanges({ since: 0 }), 1);
    await expect(walk).rejects.toMatchObject({ code: 'protocol', message });
  });
});

describe('events', () => {
  const lines = fc.array(
    fc.constantFrom(': alive', 'id: 7', 'event: token.revoked', 'data: {"a":1}', 'data:x', 'data', 'retry: 5', ''),
    { maxLength: 30 },
  );

  it('are the same wherever the text is cut', () => {
    fc.assert(
      fc.property(lines, fc.constantFrom('\n', '\r\n'), fc.array(fc.nat(400), { maxLength: 8 }), (parts, end, cuts) => {
        const text = parts.map((part) => part + end).join('');
        const whole = eventReader()(text);
        const read = eventReader();
        const at = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
        const pieces = at.slice(1).map((to, index) => text.slice(at[index], to));
        expect(pieces.flatMap((piece) => read(piece))).toEqual(whole);
      }),
    );
  });

  it('have a name and data of several lines; a comment tells only that the connection lives', () => {
    const text = ': alive\n\nevent: a\ndata: 1\ndata:2\n\ndata: alone\n\ndata: not whole';
    expect(eventReader()(text)).toEqual([
      { event: '', data: '' },
      { event: 'a', data: '1\n2' },
      { event: 'message', data: 'alone' },
    ]);
  });
});

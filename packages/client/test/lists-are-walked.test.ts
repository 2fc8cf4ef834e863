/** A list is walked to its end, a page at a time and only as wanted, and left the moment a signal aborts. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../src/index.ts';
import { json, type ScriptedServer, scriptedServer } from './scripted-server.ts';

const token = 'tsr_test_0123456789012345678901234567890123456789012000000';
let server: ScriptedServer;
beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const client = (signal?: AbortSignal) => createClient({ baseUrl: server.url, token, signal });
const page = (ids: readonly string[], nextCursor: string | null) =>
  json(200, { items: ids.map((id) => ({ id })), nextCursor });
const log = (...seqs: readonly number[]) => json(200, { items: seqs.map((seq) => ({ seq })), latest: 9 });

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('a list with cursors', () => {
  it('is asked for page by page as wanted, keeping the filter', async () => {
    server.script(page(['a', 'b'], 'c1'), page(['c'], 'c2'), page(['never'], null));
    const ids: string[] = [];
    for await (const { id } of client().tokens.listAll({ status: 'active' })) {
      ids.push(id);
      if (id === 'c') break;
    }
    expect(ids).toEqual(['a', 'b', 'c']);
    expect(server.received.map(({ url }) => url)).toEqual([
      '/v1/tokens?status=active&limit=100',
      '/v1/tokens?status=active&limit=100&cursor=c1',
    ]);
  });

  it('begins at the cursor and has pages of the size that were given', async () => {
    server.script(page(['x'], null));
    await collect(client().owners.listAll({ cursor: 'c7', limit: 3 }));
    expect(server.received.map(({ url }) => url)).toEqual(['/v1/owners?cursor=c7&limit=3']);
  });

  it('ends where a server would lead it round in circles', async () => {
    server.script(page(['a'], 'same'));
    expect(await collect(client().apis.listAll())).toEqual([{ id: 'a' }, { id: 'a' }]);
  });

  it.each([0, 101, 1.5, Number.NaN])('has no pages of %d, which is told before anything is sent', async (limit) => {
    server.script(page([], null));
    const walk = collect(client().roles.listAll({ limit }));
    await expect(walk).rejects.toThrow(new RangeError('limit is the size of a page, a whole number from 1 to 100'));
    expect(server.received).toEqual([]);
  });
});

describe('a log', () => {
  it('is read after the last record that came, until nothing is newer', async () => {
    server.script(log(3, 5), log(8), log());
    const seqs = await collect(client().audit.listAll({ after: 2, limit: 2, action: 'token.create' }));
    expect(seqs.map(({ seq }) => seq)).toEqual([3, 5, 8]);
    expect(server.received.map(({ url }) => url)).toEqual([
      '/v1/audit?after=2&limit=2&action=token.create',
      '/v1/audit?after=5&limit=2&action=token.create',
      '/v1/audit?after=8&limit=2&action=token.create',
    ]);
  });

  it('ends where a server repeats itself', async () => {
    server.script(log(1, 2), log(1, 2));
    expect(await collect(client().changes.listAll())).toHaveLength(2);
    expect(server.received.map(({ url }) => url)).toEqual([
      '/v1/changes?since=0&limit=1000',
      '/v1/changes?since=2&limit=1000',
    ]);
  });
});

describe('a signal that aborts', () => {
  it.each(['of the call', 'of the client'])('%s ends the walk before the next item of the page', async (whose) => {
    server.script(page(['a', 'b', 'c'], 'c1'));
    const reason = new Error('enough');
    const controller = new AbortController();
    const isOfTheCall = whose === 'of the call';
    const walk = client(isOfTheCall ? undefined : controller.signal).tokens.listAll(
      {},
      isOfTheCall ? { signal: controller.signal } : {},
    );
    const seen: string[] = [];
    const walking = (async () => {
      for await (const { id } of walk) {
        seen.push(id);
        if (id === 'b') controller.abort(reason);
      }
    })();
    await expect(walking).rejects.toBe(reason);
    expect(seen).toEqual(['a', 'b']);
    expect(server.received).toHaveLength(1);
  });
});

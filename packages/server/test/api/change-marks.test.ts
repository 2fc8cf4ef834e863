/** A change is known by more than its number: who followed a store that was restored since is told that what he knows is of another one. */
import { expect, test, vi } from 'vitest';
import { mint } from '../../src/core/tokens/mint.ts';
import { minter } from '../core/support/platform.ts';
import { aApi, type TestApi } from './support/api.ts';
import { follow } from './support/follow.ts';

interface Listed {
  readonly items: readonly { readonly seq: number; readonly mark: string }[];
}

async function minting(api: TestApi, count = 1): Promise<void> {
  await api.as(api.root, async (tx, by) => {
    for (let made = 0; made < count; made += 1) await mint(tx, by, { name: 'k', scopes: [] }, minter);
  });
}

async function listed(api: TestApi): Promise<Listed['items']> {
  const { json } = await api.call('GET', '/v1/changes');
  return (json as unknown as Listed).items;
}

/** As far as the feed has come, with the mark. */
async function newest(api: TestApi): Promise<{ readonly seq: number; readonly mark: string }> {
  const last = (await listed(api)).at(-1);
  if (last === undefined) throw new Error('there is no change');
  return last;
}

test('every change has a mark of its own, the same in the list, in the stream, and in a beat that comes after it', async () => {
  const api = await aApi();
  await minting(api, 20);
  const items = await listed(api);
  expect(new Set(items.map(({ mark }) => mark)).size).toBe(items.length);
  for (const { mark } of items) expect(mark).toMatch(/^[\w-]{16}$/);
  const stream = await follow(api, { since: 0 });
  for (const { seq, mark } of items) expect((await stream.next()).data).toMatchObject({ seq, mark });
  expect((await stream.next('alive')).data).toMatchObject({ seq: items.at(-1)?.seq, mark: items.at(-1)?.mark });
  await minting(api);
  const { data } = await stream.next('token.created');
  expect(data).toMatchObject({ seq: items.length + 1, mark: (await newest(api)).mark });
  expect((await stream.next('alive')).data).toMatchObject({ seq: data.seq, mark: data.mark });
});

test('a beat that comes after a change of another workspace has the mark of that', async () => {
  const api = await aApi();
  const stream = await follow(api);
  const { seq } = (await stream.next('alive')).data;
  await api.call('POST', '/v1/workspaces', { body: { name: 'other' } });
  const latest = await api.store.latestChange();
  const [change] = await api.store.changes({ workspace: undefined, since: seq, limit: 1 });
  expect(change?.workspace).not.toBe(api.workspace);
  let { data } = await stream.next('alive');
  while (data.seq < latest) ({ data } = await stream.next('alive'));
  // Whoever resumes from there is known by it.
  const resumed = await follow(api, { since: data.seq, mark: data.mark });
  expect(await resumed.next()).toMatchObject({ kind: 'alive', data: { seq: data.seq, mark: data.mark } });
});

test('a stream goes on from the mark that belongs to its number', async () => {
  const api = await aApi();
  await minting(api, 2);
  const items = await listed(api);
  const [last, before] = [items.at(-1), items.at(-2)];
  const stream = await follow(api, { since: before?.seq ?? 0, mark: before?.mark ?? '' });
  expect(await stream.next()).toMatchObject({ kind: 'token.created', data: { seq: last?.seq } });
});

test.each(['of-another-store', 'mark of another change'])(
  'with any other mark it begins anew, and says so: %s',
  async (which) => {
    const api = await aApi();
    await minting(api, 3);
    const { seq, mark } = await newest(api);
    const other = which.length === 16 ? which : mark;
    const stream = await follow(api, { since: seq - 1, mark: other });
    // With the place that it goes on from.
    expect(await stream.next()).toMatchObject({ kind: 'missed', data: { seq, mark } });
    expect(await stream.next()).toMatchObject({ kind: 'alive', data: { seq, mark } });
    await minting(api);
    expect((await stream.next('token.created')).data.seq).toBe(seq + 1);
  },
);

test('after the store was away, whoever follows has to say again what he has', async () => {
  let isAway = false;
  const api = await aApi({
    store: (store) => ({
      ...store,
      changes: async (filter) => (isAway ? Promise.reject(new Error('the store is away')) : store.changes(filter)),
    }),
  });
  const stream = await follow(api);
  const { data } = await stream.next('alive');
  isAway = true;
  await vi.waitFor(() => expect(api.errors.length).toBeGreaterThan(0), 10_000);
  // It goes on for as long as nothing is known of it.
  expect((await stream.next('alive')).kind).toBe('alive');
  isAway = false;
  while ((await stream.change()) !== undefined);
  expect(stream.response.complete).toBe(true);
  const again = await follow(api, { since: data.seq, mark: data.mark });
  expect(await again.next()).toMatchObject({ kind: 'alive', data: { seq: data.seq, mark: data.mark } });
});

test('in pages, a mark of another history is a conflict, and one that is of nothing is not valid', async () => {
  const api = await aApi();
  await minting(api, 2);
  const { seq, mark } = await newest(api);
  expect((await api.call('GET', `/v1/changes?since=${seq}&mark=${mark}`)).json.items).toEqual([]);
  const other = await api.call('GET', `/v1/changes?since=${seq - 1}&mark=${mark}`);
  expect({ status: other.status, code: other.json.code, detail: other.json.detail }).toEqual({
    status: 409,
    code: 'conflict',
    detail: 'the feed has another change with this number: begin anew',
  });
  const none = await api.call('GET', `/v1/changes?since=4711&mark=${mark}`);
  expect(none.status).toBe(409);
  for (const query of [`mark=${mark}`, 'since=1&mark=short', `since=1&mark=${mark}%20`])
    expect({ query, status: (await api.call('GET', `/v1/changes?${query}`)).status }).toEqual({ query, status: 422 });
});

/** What may be reported by whoever may ask for verdicts takes no more room than is meant for it. */
import { expect, test } from 'vitest';
import { periodAt } from '../../src/core/periods.ts';
import { aApi } from './support/api.ts';

const MOST = 1_000_000;
const MOST_OF_TOKEN = 100_000;

test('a token makes itself remembered under no more names a day than leave room for the other tokens', async () => {
  const api = await aApi();
  const [greedy, other] = [await api.manager(['verify']), await api.manager(['verify'])];
  const report = async (token: string, name: string) => {
    const body = { verifier: `vrf_${name.padEnd(16, '0')}`, number: 1, counts: [], uses: [] };
    const { status, json } = await api.call('POST', '/v1/usage', { token, body });
    return { status, detail: json.detail };
  };
  const day = periodAt('day', api.clock.now()).key;
  const spend = { cost: MOST_OF_TOKEN - 1, limit: MOST };
  await api.store.write((tx) => tx.spendQuota(`verifiers:${greedy.minted.token.id}`, day, spend));
  expect(await report(greedy.minted.text, 'last')).toEqual({ status: 200, detail: undefined });
  const refused = { status: 429, detail: 'the token had 100000 verifiers today' };
  expect(await report(greedy.minted.text, 'more')).toEqual(refused);
  expect(await report(greedy.minted.text, 'last')).toMatchObject({ status: 200 });
  expect(await report(other.minted.text, 'more')).toMatchObject({ status: 200 });
});

test('a workspace makes itself remembered under so many names a day, and those that are known go on', async () => {
  const api = await aApi();
  const { minted } = await api.manager(['verify']);
  const report = async (name: string, number: number) => {
    const body = { verifier: `vrf_${name.padEnd(16, '0')}`, number, counts: [], uses: [] };
    const { status, json } = await api.call('POST', '/v1/usage', { token: minted.text, body });
    return { status, code: json.code };
  };
  const before = await report('first', 1);
  const day = periodAt('day', api.clock.now()).key;
  await api.store.write((tx) =>
    tx.spendQuota(`verifiers:${api.workspace}`, day, { cost: MOST - 2, limit: MOST }).then(({ allowed }) => {
      expect(allowed).toBe(true);
    }),
  );
  expect(before).toEqual({ status: 200, code: undefined });
  expect((await report('second', 1)).status).toBe(200);
  expect(await report('third', 1)).toEqual({ status: 429, code: 'too_many' });
  expect((await report('first', 2)).status).toBe(200);
  expect((await report('second', 2)).status).toBe(200);
});

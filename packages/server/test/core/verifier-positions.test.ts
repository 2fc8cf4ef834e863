/** Nobody seems to have heard of a change because who has not is no longer counted. */
import { createVerifier } from '@tessera/verify';
import { expect, test } from 'vitest';
import type { Tx } from '../../src/core/store-port.ts';
import { createPositions } from '../../src/core/verifiers/positions.ts';

const REPORTS_EVERY_MS = 10_000;
const LONGEST_STALENESS_MS = 60_000;

const who = { workspace: 'ws_1', token: 'tok_1', verifier: 'vrf_1' };

test('of one that says goodbye nothing is written afterwards: neither what waited nor what was being written', async () => {
  const written: string[] = [];
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const putVerifiers: Tx['putVerifiers'] = async ({ reports }) => {
    begun.resolve();
    await go.promise;
    written.push(...reports.map(({ verifier, seq }) => `${verifier} ${seq}`));
  };
  const dropVerifier: Tx['dropVerifier'] = async ({ verifier }) => void written.push(`${verifier} gone`);
  const positions = createPositions({
    store: { writeAside: (work) => work({ putVerifiers, dropVerifier } as Tx) },
    onError: (error) => expect.unreachable(String(error)),
  });
  positions.report({ ...who, seq: 1 });
  await begun.promise;
  positions.report({ ...who, seq: 2 });
  positions.report({ ...who, token: 'tok_2', seq: 2 });
  const gone = positions.withdraw(who);
  go.resolve();
  await gone;
  await positions.stop();
  expect(written).toEqual(['vrf_1 1', 'vrf_1 gone', 'vrf_1 2']);
});

test('a goodbye that cannot be written is no goodbye', async () => {
  const away = new Error('the store is away');
  const positions = createPositions({ store: { writeAside: () => Promise.reject(away) }, onError: () => {} });
  await expect(positions.withdraw(who)).rejects.toBe(away);
  await positions.stop();
});

test('a verifier that was cut off is counted for longer than it may believe its memory', async () => {
  const lives: number[] = [];
  const putVerifiers: Tx['putVerifiers'] = async ({ liveMs }) => void lives.push(liveMs);
  const positions = createPositions({
    store: { writeAside: (work) => work({ putVerifiers } as Tx) },
    onError: (error) => expect.unreachable(String(error)),
  });
  positions.report({ ...who, seq: 1 });
  await positions.stop();
  expect(lives).toHaveLength(1);
  expect(lives[0]).toBeGreaterThan(LONGEST_STALENESS_MS + REPORTS_EVERY_MS);
  const options = { url: 'http://127.0.0.1:9', token: 'x', audience: 'a', stalenessMs: LONGEST_STALENESS_MS + 1 };
  expect(() => createVerifier(options)).toThrow('stalenessMs must be a whole number from 2000 to 60000');
});

/** Nobody seems to have heard of a change because who has not is no longer counted. */
import { createVerifier } from '@tessera/verify';
import { expect, test } from 'vitest';
import type { Tx } from '../../src/core/store-port.ts';
import { createPositions } from '../../src/core/verifiers/positions.ts';

const REPORTS_EVERY_MS = 10_000;
const LONGEST_STALENESS_MS = 60_000;

test('a verifier that was cut off is counted for longer than it may believe its memory', async () => {
  const lives: number[] = [];
  const putVerifiers: Tx['putVerifiers'] = async ({ liveMs }) => void lives.push(liveMs);
  const positions = createPositions({
    store: { writeAside: (work) => work({ putVerifiers } as Tx) },
    onError: (error) => expect.unreachable(String(error)),
  });
  positions.report({ workspace: 'ws_1', token: 'tok_1', verifier: 'vrf_1', seq: 1 });
  await positions.stop();
  expect(lives).toHaveLength(1);
  expect(lives[0]).toBeGreaterThan(LONGEST_STALENESS_MS + REPORTS_EVERY_MS);
  const options = { url: 'http://127.0.0.1:9', token: 'x', audience: 'a', stalenessMs: LONGEST_STALENESS_MS + 1 };
  expect(() => createVerifier(options)).toThrow('stalenessMs must be a whole number from 2000 to 60000');
});

/** What a node or a verifier keeps in memory so that signed tokens can be revoked: bytes of a notice, with a million of them. */
import { createNotices } from '@tessera/verify/jose';
import type { Bench } from './rig/bench.ts';

const REVOKED = 1_000_000;
const LIFE_MS = 600_000;
const GOAL_BYTES = 100;

export const notices: Bench = async () => {
  const now = Date.now();
  const set = createNotices();
  const start = performance.now();
  for (let seq = 1; seq <= REVOKED; seq += 1) {
    const id = `tok_${seq.toString(32).padStart(26, '0')}`;
    set.add({ workspace: 'ws_1', kind: 'token.revoked', id, seq, at: now, signedUntil: now + LIFE_MS }, now);
  }
  const seconds = (performance.now() - start) / 1000;
  const each = set.bytes() / REVOKED;
  return {
    rows: [
      {
        what: `memory of ${REVOKED.toLocaleString('en')} revoked signed tokens, until they expire`,
        ours: `${(set.bytes() / 1024 ** 2).toFixed(0)} MiB, ${each.toFixed(0)} bytes each`,
        against: '',
        ratio: '',
        goal: `<= ${GOAL_BYTES} bytes each`,
        met: each <= GOAL_BYTES,
      },
    ],
    notes: [`notices: added at ${Math.round(REVOKED / seconds / 1000)} thousand a second`],
  };
};

import { generate } from '@tessera/token';
import { digestKey, memoryLookup, type TokenFacts } from '@tessera/verify';
import { expect, it } from 'vitest';
import { type ExposedToken, exposures } from '../../src/core/exposures.ts';
import type { AuditEntry } from '../../src/core/model.ts';
import { memoryLimiter } from '../../src/limits/memory.ts';

const HOUR_MS = 3_600_000;

const newToken = (): string => generate({ prefix: 'tsr', environment: 'live' });

function setup() {
  const clock = { time: 1_000_000, now: () => clock.time };
  const tokens = memoryLookup();
  const records: AuditEntry[] = [];
  const told: ExposedToken[] = [];
  const errors: unknown[] = [];
  const guesses: string[] = [];
  const state = { counted: 0, blocked: 0, broken: false };
  const write = async (work: (tx: { record(entry: AuditEntry): void }) => Promise<unknown>): Promise<unknown> => {
    if (state.broken) throw new Error('no store');
    return work({ record: (entry) => void records.push(entry) });
  };
  const reports = exposures({
    ports: { tokens, limiter: memoryLimiter({ clock }), clock },
    failed: { blocked: () => state.blocked, failed: (address) => void guesses.push(address) },
    store: { write: write as never },
    clock,
    counted: () => {
      state.counted += 1;
    },
    onExposed: (exposed) => void told.push(exposed),
    onError: (error) => void errors.push(error),
  });
  const add = (text: string, parts: Partial<TokenFacts> = {}): string => {
    const id = `tok_${told.length}${text.slice(-6)}`;
    tokens.add(text, {
      id,
      workspace: { id: 'ws_1', enabled: true },
      secret: { key: digestKey(text), state: 'active', until: undefined },
      revokedAt: undefined,
      ...parts,
    } as TokenFacts);
    return id;
  };
  const send = async (...texts: readonly string[]): Promise<void> => {
    for (const text of texts) {
      const presented = { authorization: [`Bearer ${text}`], apiKey: [], query: '' };
      reports.credential({ presented, door: 'gateway', requestId: 'r', address: '192.0.2.7' });
    }
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, records, told, errors, guesses, state, add, send };
}

it('tells of a token with its fingerprint, records it once an hour, and counts every time', async () => {
  const { clock, records, told, state, add, send } = setup();
  const text = newToken();
  const id = add(text);
  await send(text, text);
  expect(told).toEqual([
    {
      token: id,
      fingerprint: expect.stringMatching(/^[a-z2-7]{16}$/i),
      door: 'gateway',
      requestId: 'r',
      address: '192.0.2.7',
    },
  ]);
  expect(records).toMatchObject([{ workspace: 'ws_1', action: 'token.exposed', target: { type: 'token', id } }]);
  expect(JSON.stringify([records, told])).not.toContain(text);
  clock.time += HOUR_MS - 1;
  await send(text);
  expect([records.length, state.counted]).toEqual([1, 3]);
  clock.time += 1;
  await send(text);
  expect([records.length, state.counted]).toEqual([2, 4]);
});

it('says nothing of a token that is revoked, and counts a guess as one', async () => {
  const { told, guesses, add, send } = setup();
  const revoked = newToken();
  add(revoked, { revokedAt: 1 });
  await send(revoked, newToken(), 'nonsense');
  expect(told).toEqual([]);
  expect(guesses).toEqual(['192.0.2.7', '192.0.2.7']);
});

it('looks nothing up for a guesser', async () => {
  const { told, state, add, send } = setup();
  const text = newToken();
  add(text);
  state.blocked = 60;
  await send(text);
  expect(told).toEqual([]);
});

it('tries again where it could not be recorded', async () => {
  const { records, errors, state, add, send } = setup();
  const text = newToken();
  add(text);
  state.broken = true;
  await send(text);
  expect(errors.map(String)).toEqual(['Error: no store']);
  state.broken = false;
  await send(text);
  expect(records).toHaveLength(1);
});

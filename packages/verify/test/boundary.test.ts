/** The moments at which a token starts and ends, to the millisecond. */
import { describe, expect, it } from 'vitest';
import type { TokenFacts } from '../src/index.ts';
import { codeOf, portsWith } from './support/ports.ts';
import { NOW } from './support/tokens.ts';

const KEY = '' as TokenFacts['secret']['key'];

describe('to the millisecond', () => {
  it.each([
    [-1, 'ok'],
    [0, 'expired'],
    [1, 'expired'],
  ])('expiry, %i ms after it: %s', async (after, code) => {
    expect(await at(NOW + after, { expiresAt: NOW })).toBe(code);
  });

  it.each([
    [-1, 'not_yet_valid'],
    [0, 'ok'],
    [1, 'ok'],
  ])('start, %i ms after it: %s', async (after, code) => {
    expect(await at(NOW + after, { notBefore: NOW, expiresAt: undefined })).toBe(code);
  });

  it.each([
    [-1, 'ok'],
    [0, 'rotated'],
    [1, 'rotated'],
  ])('end of the grace of a replaced secret, %i ms after it: %s', async (after, code) => {
    expect(await at(NOW + after, { secret: { key: KEY, state: 'retiring', until: NOW } })).toBe(code);
  });

  it('a token without an end has none', async () => {
    expect(await at(8.64e15, { expiresAt: undefined })).toBe('ok');
  });

  it('a revocation holds whatever its time says', async () => {
    expect(await at(NOW, { revokedAt: NOW + 1 })).toBe('revoked');
    expect(await at(NOW, { revokedAt: 0 })).toBe('revoked');
  });
});

function at(now: number, facts: Partial<TokenFacts>): Promise<string> {
  return codeOf(portsWith(facts, { clock: { now: () => now } }));
}

/** Who guesses is held up, by source and not by address, in memory that a stranger cannot stretch; who is known is not. */
import { generate } from '@tessera/token';
import { credentialOf, digestKey, type Limiter } from '@tessera/verify';
import { describe, expect, test } from 'vitest';
import { failedCredentials } from '../../src/core/failed-credentials.ts';
import { memoryLimiter } from '../../src/limits/memory.ts';

const PER_MINUTE = 100;
const guess = credentialOf(generate({ prefix: 'tsr', environment: 'live' }));

function guarded(over: { known?: string; limiter?: Limiter; maxKeys?: number } = {}) {
  const time = { now: 1_000_000 };
  const faults: unknown[] = [];
  const clock = { now: () => time.now };
  const failed = failedCredentials({
    limiter: over.limiter ?? memoryLimiter({ clock, maxKeys: over.maxKeys ?? 1000 }),
    perMinute: PER_MINUTE,
    clock,
    known: (digest) => over.known !== undefined && digest === digestKey(over.known),
    onFault: (error) => faults.push(error),
  });
  const guessed = (address: string, times: number): void => {
    for (let index = 0; index < times; index += 1) failed.failed(address);
  };
  return { failed, guessed, time, faults };
}

describe('held up', () => {
  test('after 100 guesses in a minute, with the seconds to wait, and let go in time', () => {
    const { failed, guessed, time } = guarded();
    guessed('192.0.2.1', PER_MINUTE - 1);
    expect(failed.blocked('192.0.2.1', guess)).toBe(0);
    guessed('192.0.2.1', 1);
    expect(failed.blocked('192.0.2.1', guess)).toBe(1);
    expect(failed.blocked('192.0.2.2', guess)).toBe(0);
    time.now += 600;
    expect(failed.blocked('192.0.2.1', guess)).toBe(0);
  });

  test('a whole /64, and an IPv4 address in whatever spelling', () => {
    const { failed, guessed } = guarded();
    for (let index = 0; index < PER_MINUTE; index += 1) guessed(`2001:db8::${index.toString(16)}`, 1);
    expect(failed.blocked('2001:db8::ffff', guess)).toBeGreaterThan(0);
    expect(failed.blocked('2001:db8:0:1::1', guess)).toBe(0);
    guessed('::ffff:192.0.2.1', PER_MINUTE);
    expect(failed.blocked('192.0.2.1', guess)).toBeGreaterThan(0);
  });

  test('but not a credential that is known in memory, and none that is too long to be one', () => {
    const known = generate({ prefix: 'tsr', environment: 'live' });
    const { failed, guessed } = guarded({ known });
    guessed('192.0.2.1', PER_MINUTE);
    expect(failed.blocked('192.0.2.1', credentialOf(known))).toBe(0);
    expect(failed.blocked('192.0.2.1', guess)).toBeGreaterThan(0);
    expect(failed.blocked('192.0.2.1', credentialOf('x'.repeat(100_000)))).toBeGreaterThan(0);
  });

  test('where the counter cannot tell', () => {
    const limiter: Limiter = {
      take: () => {
        throw new Error('no counter');
      },
    };
    const { failed, faults, time } = guarded({ limiter });
    expect(() => failed.failed('192.0.2.1')).not.toThrow();
    expect(failed.blocked('192.0.2.1', guess)).toBe(1);
    expect(faults).toHaveLength(2);
    // Nobody failed within a minute: there is nothing to ask the counter.
    time.now += 60_001;
    expect(failed.blocked('192.0.2.1', guess)).toBe(0);
    expect(faults).toHaveLength(2);
  });
});

test('any number of sources is counted in room for so many', () => {
  const { failed, guessed } = guarded({ maxKeys: 100 });
  for (let index = 0; index < 10_000; index += 1) guessed(`10.${index >> 8}.${index & 255}.1`, 1);
  guessed('192.0.2.1', PER_MINUTE * 2);
  expect(failed.blocked('192.0.2.2', guess)).toBe(0);
});
